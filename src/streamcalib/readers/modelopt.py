"""A reader for NVIDIA ModelOpt's ONNX quantization, which never loads the set."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from streamcalib.readers.rowsource import RowSource


class ModelOptReader:
    """Feeds ``modelopt.onnx.quantization.quantize(calibration_data_reader=...)`` step by step.

    Has what ONNX Runtime's ``CalibrationDataReader`` has, and ``get_first``, which ModelOpt 0.47
    calls on graphs with MatMul or Gemm nodes (YOLO11 among them) and ONNX Runtime's class lacks.
    Rows that have to be encoded are, a step ahead, while the graph runs.

    Parameters
    ----------
    source
        Where rows come from.
    input_name
        The graph's image input.
    batch_size
        Rows in one step.

    Raises
    ------
    InputError
        If ``batch_size`` is below 1 or does not divide the number of rows: a graph of fixed batch
        size fails on a short step, and dropping rows would change the scales without a word.
    """

    def __init__(self, source: RowSource, input_name: str, *, batch_size: int = 1) -> None:
        if batch_size < 1 or len(source) % batch_size:
            raise InputError(
                f"batch_size {batch_size} does not divide the {len(source)} rows of the set: "
                "choose a divisor, or build the set with a multiple of it."
            )
        self._source = source
        self._input_name = input_name
        self._batch_size = batch_size
        self._next = 0
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: tuple[int, Future[dict[str, NDArray[Any]]]] | None = None

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """Return the next step, or None at the end: input name to array, batch axis first."""
        if self._next >= len(self._source):
            return None
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == self._next:
            step = ahead[1].result()
        else:
            step = self._step(self._next)
        self._next += self._batch_size
        self._prepare_next(step)
        return step

    def _prepare_next(self, step: dict[str, NDArray[Any]]) -> None:
        """Begin to encode the next step, unless rows are mapped from a file as they are."""
        if isinstance(step[self._input_name], np.memmap):
            return
        if self._next >= len(self._source):
            if self._pool is not None:
                self._pool.shutdown(wait=False)
                self._pool = None
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "streamcalib-reader")
        self._ahead = (self._next, self._pool.submit(self._step, self._next))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": None, "_ahead": None}

    def get_first(self) -> dict[str, NDArray[Any]]:
        """Return the first step, without moving on."""
        return self._step(0)

    def rewind(self) -> None:
        """Start again with the first step."""
        self._next = 0

    def __len__(self) -> int:
        return len(self._source) // self._batch_size

    def _step(self, start: int) -> dict[str, NDArray[Any]]:
        feeds = {self._input_name: self._source.rows(start, start + self._batch_size)}
        for name, extra in self._source.extra_inputs.items():
            feeds[name] = np.ascontiguousarray(extra.repeated(self._batch_size))
        return feeds
