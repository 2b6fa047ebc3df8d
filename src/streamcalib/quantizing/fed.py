"""A reader as ModelOpt takes it, which counts what was taken and keeps what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.progress import Counter

if TYPE_CHECKING:
    from streamcalib.progress import Subscriber
    from streamcalib.readers.reader import CalibrationReader, Step


class FedReader:
    """Gives a reader's steps on, one after the other.

    Parameters
    ----------
    reader
        Where steps come from.
    notify
        Told how many rows ModelOpt is done with; again from the first on if it begins anew.

    Attributes
    ----------
    steps
        How many steps were given since the last `rewind`.
    error
        What reading raised, also if ModelOpt goes on as if nothing had been.
    """

    def __init__(self, reader: CalibrationReader, notify: Subscriber) -> None:
        self._reader, self._notify = reader, notify
        self._counter: Counter | None = None
        self.steps = 0
        self.error: BaseException | None = None

    def get_next(self) -> Step | None:
        """Return the next step, or None at the end; the one before is done then."""
        if self._counter is None:
            rows = len(self._reader) * self._reader.batch_size
            self._counter = Counter("calibrate", rows, 0, self._notify)
        try:
            step = self._reader.get_next()
        except BaseException as error:
            self.error = error
            raise
        if self.steps:
            self._counter.reach(self.steps * self._reader.batch_size)
        self.steps += step is not None
        return step

    def get_first(self) -> Step:
        """Return the first step, without moving on."""
        try:
            return self._reader.get_first()
        except BaseException as error:
            self.error = error
            raise

    def rewind(self) -> None:
        """Start again with the first step."""
        self._reader.rewind()
        self._counter, self.steps = None, 0

    def set_range(self, start_index: int, end_index: int) -> None:
        """Let `get_next` give some steps alone."""
        self._reader.set_range(start_index, end_index)

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self._reader)
