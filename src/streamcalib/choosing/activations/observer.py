"""One row through the graph: what its tensors hold, as histograms and largest values."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.choosing.activations.histogram import BINS, count, scan, top_octave
from streamcalib.errors import ImageError, MissingExtraError, ModelError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from streamcalib.choosing.activations.tensors import Observed

SAMPLES = 2**14
"""About how many values of a tensor are counted for an image, if it has as many."""

_ERRORS_ONLY = 3
_EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"


class Observation(NamedTuple):
    """What an image's row does in a graph.

    Attributes
    ----------
    peaks
        Largest magnitude of every tensor, exact: (T,) float32.
    tops
        The octave of each, as in `histogram.top_octave`: (T,) uint8.
    counts
        Histograms of a fixed selection of each tensor's values: (T, `histogram.BINS`) uint32.
    """

    peaks: NDArray[np.float32]
    tops: NDArray[np.uint8]
    counts: NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True)
class GraphInput:
    """How a row goes into a graph.

    Attributes
    ----------
    name
        The graph's image input.
    batch
        How many rows the graph takes at once; a row is repeated as often.
    others
        Values of the other inputs, by name, each with its batch axis.
    """

    name: str
    batch: int
    others: Mapping[str, NDArray[Any]]


class Observer:
    """Runs rows through a graph on one thread, one after another.

    Parameters
    ----------
    observed
        The graph and its tensors.
    takes
        Its input.
    samples
        How many values of a tensor are counted, about.

    Attributes
    ----------
    session
        ONNX Runtime's.

    Raises
    ------
    ModelError
        If ONNX Runtime does not take the graph.
    MissingExtraError
        If the package ``onnxruntime`` is not installed.
    """

    def __init__(self, observed: Observed, takes: GraphInput, samples: int = SAMPLES) -> None:
        self._takes, self._samples = takes, samples
        self._tensors = observed.tensors
        self._wanted = [name for name in observed.tensors if name != takes.name]
        self.session = open_session(observed.graph, folder=observed.folder)
        self._steps: dict[tuple[str, tuple[int, ...]], tuple[int, int]] = {}

    def observe(self, row: NDArray[Any]) -> Observation:
        """Return what a row (*row shape) does; the same bytes for the same row.

        Raises
        ------
        ImageError
            If a tensor is empty, any of its values infinite, or one of those counted no number, or
            the graph fails.
        """
        batch = np.broadcast_to(row, (self._takes.batch, *row.shape))
        feed = {self._takes.name: np.ascontiguousarray(batch), **self._takes.others}
        try:
            outputs = self.session.run(self._wanted, feed)
        except Exception as error:  # ONNX Runtime's own classes share no base
            raise ImageError(f"the model failed: {_first_line(error)}") from error
        found = dict(zip(self._wanted, outputs, strict=True))
        found[self._takes.name] = feed[self._takes.name]
        peaks = np.empty(len(self._tensors), np.float32)
        tops = np.empty(len(self._tensors), np.uint8)
        counts = np.empty((len(self._tensors), BINS), np.uint32)
        for number, name in enumerate(self._tensors):
            # One after another, each let go before the next is converted.
            tensor = found.pop(name)
            peaks[number], tops[number], counts[number] = self._look_at(name, tensor)
        return Observation(peaks, tops, counts)

    def _look_at(self, name: str, tensor: Any) -> tuple[float, int, NDArray[np.uint32]]:
        values = np.ascontiguousarray(tensor, np.float32).reshape(-1)
        if not values.size:
            raise ImageError(f"the model's tensor {printable(name)} is empty")
        peak, taken = scan(values, *self._step(name, tensor.shape))
        try:
            if not math.isfinite(peak):
                raise ValueError
            top = top_octave(peak)
            return peak, top, count(taken, top)
        except ValueError as error:
            raise ImageError(
                f"the model's tensor {printable(name)} holds infinite values or none that are "
                "numbers"
            ) from error

    def _step(self, name: str, shape: tuple[int, ...]) -> tuple[int, int]:
        known = self._steps.get((name, shape))
        if known is None:
            known = self._steps[name, shape] = step(name, shape, self._samples)
        return known


def step(name: str, shape: tuple[int, ...], samples: int = SAMPLES) -> tuple[int, int]:
    """Return start and stride of the values to count of a tensor.

    The stride shares no factor with a side, so that every column, row and channel is met.
    """
    size = math.prod(shape)
    wanted = max(1, size // samples)
    fewer, more = wanted, wanted
    while math.gcd(fewer, size) > 1:
        fewer -= 1
    while math.gcd(more, size) > 1:
        more += 1
    stride = fewer if wanted * wanted < fewer * more else more
    # Not for secrets: the same values of every image, and other ones in every tensor.
    return random.Random(name).randrange(stride), stride  # noqa: S311


def open_session(graph: bytes, *, folder: str = "", threads: int = 1) -> Any:
    """Return an ONNX Runtime session on the CPU.

    Parameters
    ----------
    graph
        A serialized model.
    folder
        Where its weights in other files lie.
    threads
        How many threads it may use.

    Raises
    ------
    ModelError
        If ONNX Runtime does not take the graph.
    MissingExtraError
        If the package ``onnxruntime`` is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(
            "looking at a model's activations needs the package onnxruntime: pip install "
            "'streamcalib[activations]'."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Q/DQ pairs round and clip, and what is between them is computed in floating point: integer
    # kernels of processors without VNNI saturate, which no set of images is to blame for.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    if folder:
        options.add_session_config_entry(_EXTERNAL_FOLDER, folder)
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own classes share no base
        raise ModelError(f"ONNX Runtime does not take the model: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return printable(str(error).strip().split("\n")[0])
