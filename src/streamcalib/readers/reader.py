"""The one reader: steps of rows by every protocol that quantizers read data by."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from operator import index
from typing import TYPE_CHECKING, Any
from weakref import proxy

import numpy as np

from streamcalib.errors import InputError
from streamcalib.readers.steps import deal
from streamcalib.signals import held_back

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from streamcalib.readers.rowsource import RowSource
    from streamcalib.readers.steps import Remainder, Steps

Step = dict[str, "NDArray[Any]"]
"""Input names to arrays, batch axis first: what a graph is fed with at once."""


class CalibrationReader:
    """Feeds a quantizer step by step, without loading the set.

    Carries all protocols at once. ONNX Runtime's ``CalibrationDataReader`` (1.24 to 1.32):
    ``get_next``, ``__len__`` and ``set_range``, both counted in steps. ModelOpt 0.47's:
    ``get_first``, which it calls on graphs with MatMul or Gemm nodes (YOLO11 among them), and
    ``rewind``, which Intel's neural-compressor asks for, too. Iterating begins anew each time, as
    Polygraphy, AIMET and ai-edge-quantizer need it, and does not move what ``get_next`` gives.
    ``reader[k]`` is step k, for NNCF and torch.

    Rows of a file of final values are read-only views of it; a consumer that makes a list of all
    steps still holds no copies. Other rows are made a step ahead, while the graph runs. Copies and
    pickles say where the rows are and do not carry them.

    Parameters
    ----------
    source
        Where rows come from.
    input_name
        The graph's image input.
    batch_size
        Rows in one step.
    remainder
        What becomes of rows that fill no whole step: ``error``, ``drop`` or ``pad``; see `deal`.

    Attributes
    ----------
    source, input_name, batch_size, remainder
        As given.
    steps
        How the rows are dealt.

    Raises
    ------
    InputError
        If ``batch_size`` does not divide the number of rows and ``remainder`` is ``error``.
    """

    def __init__(
        self,
        source: RowSource,
        input_name: str,
        *,
        batch_size: int = 1,
        remainder: Remainder = "error",
    ) -> None:
        self.source = source
        self.input_name = input_name
        self.batch_size = batch_size
        self.remainder = remainder
        self.steps: Steps = deal(len(source), batch_size, remainder, source.shown)
        self._next = 0
        self._end = self.steps.count
        self._ahead = _Ahead(self)

    def get_next(self) -> Step | None:
        """Return the next step, or None at the end of the range."""
        if self._next >= self._end:
            return None
        step = self._ahead.take(self._next, self._end)
        self._next += 1
        return step

    def get_first(self) -> Step:
        """Return the first step, without moving on."""
        return self[0]

    def rewind(self) -> None:
        """Start again with the first step, of all."""
        self._next, self._end = 0, self.steps.count

    def set_range(self, start_index: int, end_index: int) -> None:
        """Let `get_next` give the steps from ``start_index`` up to, not with, ``end_index``.

        Raises
        ------
        InputError
            If there are no such steps.
        """
        if not 0 <= start_index <= end_index <= len(self):
            raise InputError(
                f"steps {start_index} to {end_index} were asked for, and there are {len(self)}."
            )
        self._next, self._end = start_index, end_index

    def __len__(self) -> int:
        """Return the number of steps."""
        return self.steps.count

    def __iter__(self) -> Iterator[Step]:
        """Yield all steps, from the first on."""
        ahead = _Ahead(self)
        for step in range(len(self)):
            yield ahead.take(step, len(self))

    def __getitem__(self, step: int) -> Step:
        """Return a step by its number; negative ones count from the end."""
        number = index(step)
        if not -len(self) <= number < len(self):
            raise IndexError(f"step {number} of {len(self)}")
        number %= len(self)
        parts = [self.source.rows(start, stop) for start, stop in self.steps.ranges(number)]
        feeds = {self.input_name: parts[0] if len(parts) == 1 else np.concatenate(parts)}
        for name, extra in self.source.extra_inputs.items():
            feeds[name] = np.ascontiguousarray(extra.repeated(self.batch_size))
        return feeds

    def signature(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Return dtype and shape of every input in a step, by name, without reading one."""
        recipe = self.source.recipe
        shape: tuple[int, ...] = (self.batch_size, *recipe.row_shape)
        given = {self.input_name: (str(recipe.dtype), shape)}
        for name, extra in self.source.extra_inputs.items():
            repeated = extra.repeated(self.batch_size)
            given[name] = (repeated.dtype.name, repeated.shape)
        return given

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_ahead"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._ahead = _Ahead(self)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.source.shown}: {len(self)} steps of "
            f"{self.batch_size} for {self.input_name!r}>"
        )


class _Ahead:
    """Makes the step after the one that was taken, in a thread, unless steps are mapped views."""

    def __init__(self, reader: CalibrationReader) -> None:
        # Weakly: a reader that is let go of takes its thread, and what it read, with it at once.
        self._reader: CalibrationReader = proxy(reader)
        self._pool: ThreadPoolExecutor | None = None
        self._coming: tuple[int, Future[Step]] | None = None

    def take(self, step: int, end: int) -> Step:
        """Return a step, and begin the next one if there is one before ``end``."""
        if self._reader.source.is_mapped:
            return self._reader[step]
        coming, self._coming = self._coming, None
        ready = coming[1].result() if coming and coming[0] == step else self._reader[step]
        if step + 1 < end:
            # An interrupt between a thread's start and the note of it would leave a thread that
            # nobody ends, and the process would wait for it for ever.
            with held_back():
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(1, "streamcalib-reader")
                self._coming = step + 1, self._pool.submit(self._reader.__getitem__, step + 1)
        elif self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None
        return ready
