"""Tools that calibrate a graph from a reader, each timed in its part that the reader feeds.

Needs onnx, and ONNX Runtime with the provider that is asked for; ModelOpt's way needs
nvidia-modelopt with its requirements for ONNX, too.
"""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Tool = Callable[[Path, "TimedReader", str, str], "Seconds"]

METHODS = ("max", "entropy")
"""How scales are chosen, in ModelOpt's words; ``max`` is ONNX Runtime's min-max."""

_MODELOPT_PROVIDERS = {"CUDAExecutionProvider": "cuda:0", "CPUExecutionProvider": "cpu"}


class Seconds(NamedTuple):
    """How long a calibration took, and with it all that the tool did."""

    calibration: float
    whole: float


class TimedReader:
    """A reader whose answers are timed, and the memory of this process looked at between them.

    Attributes
    ----------
    seconds
        How long all answers of ``get_next`` took together.
    begun, ended
        When ``get_next`` was first called, and when it told the end, by ``time.perf_counter``.
    anonymous_bytes
        The process's anonymous memory before the first step, and before each later one.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.seconds = self.begun = self.ended = 0.0
        self.anonymous_bytes: list[int] = []

    def get_next(self) -> Any:
        """Return the next step, or None at the end."""
        self.anonymous_bytes.append(anonymous_bytes())
        start = time.perf_counter()
        step = self._inner.get_next()
        self.ended = time.perf_counter()
        self.begun = self.begun or start
        self.seconds += self.ended - start
        return step

    def get_first(self) -> Any:
        """Return the first step, without moving on; not timed."""
        return self._inner.get_first()

    @property
    def grown_bytes(self) -> int:
        """By how much the process's anonymous memory grew at most since the first step."""
        return max(self.anonymous_bytes) - self.anonymous_bytes[0]


class ReadyRows:
    """Steps that lie ready in memory, one after the other in one array."""

    def __init__(self, rows: NDArray[Any], name: str, batch: int) -> None:
        self._steps = [{name: rows[at : at + batch]} for at in range(0, len(rows), batch)]
        self.rewind()

    def rewind(self) -> None:
        """Start again."""
        self._left = iter(self._steps)

    def get_next(self) -> Any:
        """Return the next step, or None at the end."""
        return next(self._left, None)

    def get_first(self) -> Any:
        """Return the first step, without moving on."""
        return self._steps[0]


def by_onnxruntime(model: Path, reader: TimedReader, provider: str, method: str) -> Seconds:
    """Let ONNX Runtime calibrate; the start of its session is in the whole alone."""
    from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

    methods = {"max": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy}
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        calibrator = create_calibrator(
            model,
            augmented_model_path=str(Path(folder, "augmented.onnx")),
            calibrate_method=methods[method],
            extra_options={"symmetric": False},
        )
        calibrator.set_execution_providers([provider])
        hold_to(provider, calibrator.infer_session)
        start = time.perf_counter()
        calibrator.collect_data(reader)
        calibrator.compute_data()
        ended = time.perf_counter()
    return Seconds(ended - start, ended - begun)


def by_modelopt(model: Path, reader: TimedReader, provider: str, method: str) -> Seconds:
    """Let ModelOpt quantize to int8; its calibration is from the first step to the last one's end.

    What ModelOpt does to the graph before and after it is in the whole alone.
    """
    from modelopt.onnx.quantization import quantize

    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, sessions_on(provider):
        # ModelOpt writes files of its own beside the graph.
        copy = Path(folder, "model.onnx")
        copy.write_bytes(model.read_bytes())
        quantize(
            str(copy),
            quantize_mode="int8",
            calibration_method=method,
            calibration_data_reader=reader,
            calibration_eps=[_MODELOPT_PROVIDERS[provider]],
            output_path=str(Path(folder, "quantized.onnx")),
            log_level="ERROR",
        )
    return Seconds(reader.ended - reader.begun, time.perf_counter() - begun)


TOOLS: dict[str, Tool] = {"onnxruntime": by_onnxruntime, "modelopt": by_modelopt}
"""What calibrates, by name."""


def versions(tool: str) -> dict[str, str]:
    """Return the versions of the packages that a tool calibrates with."""
    import onnx
    import onnxruntime

    found = {"onnx": str(onnx.__version__), "onnxruntime": str(onnxruntime.__version__)}
    if tool == "modelopt":
        import modelopt

        found["nvidia-modelopt"] = str(modelopt.__version__)
    return found


@contextmanager
def sessions_on(provider: str) -> Iterator[None]:
    """End the run when a session begins on another provider: ModelOpt says so in its log alone."""
    import onnxruntime

    plain = onnxruntime.InferenceSession

    class HeldSession(plain):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            hold_to(provider, self)

    onnxruntime.InferenceSession = HeldSession
    try:
        yield
    finally:
        onnxruntime.InferenceSession = plain


def hold_to(provider: str, session: Any) -> None:
    """End the run unless a session uses a provider before all others."""
    used = session.get_providers()[0]
    if used != provider:
        raise SystemExit(f"error: {provider} cannot be used, only {used}")


def anonymous_bytes() -> int:
    """Return the anonymous memory of this process, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0
