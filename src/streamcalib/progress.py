"""Progress as events counted at completion; a terminal bar and plain lines are two subscribers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TextIO

from tqdm import tqdm

if TYPE_CHECKING:
    from typing import Any

_SECONDS_BETWEEN_LINES = 10.0
_SLOW = 9.95


class Progress(NamedTuple):
    """The state of a long job; sent once at its start, after every completed task, and at its end.

    Attributes
    ----------
    stage
        What is being done, like ``build``.
    done, failed, total
        Rows: completed in all, bad among them, and to do.
    bytes_done
        Bytes written so far.
    seconds
        Time since the job's start.
    unit
        What is counted, if not rows.
    kept
        How many of those completed were so before the start.
    """

    stage: str
    done: int
    failed: int
    total: int
    bytes_done: int
    seconds: float
    unit: str = "rows"
    kept: int = 0

    @property
    def rows_per_second(self) -> float:
        """Mean rate since the start."""
        return (self.done - self.kept) / self.seconds if self.seconds > 0 else 0.0

    @property
    def megabytes_per_second(self) -> float:
        """Mean rate since the start, in 10^6 bytes a second."""
        return self.bytes_done / 1e6 / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Time left at the mean rate, or None before anything is done."""
        if not self.rows_per_second:
            return None
        return (self.total - self.done) / self.rows_per_second


Subscriber = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Show nothing."""


class Counter:
    """Counts the completed rows of a stage and tells a subscriber.

    Parameters
    ----------
    stage, total
        As in `Progress`.
    row_bytes
        Bytes written for a row.
    notify
        The subscriber; told once at the start.
    unit, kept
        As in `Progress`.
    """

    def __init__(
        self,
        stage: str,
        total: int,
        row_bytes: int,
        notify: Subscriber,
        unit: str = "rows",
        kept: int = 0,
    ) -> None:
        self._stage, self._total, self._row_bytes, self._unit = stage, total, row_bytes, unit
        self._notify = notify
        self._started = time.monotonic()
        self._done = self._kept = kept
        self._failed = 0
        self._tell()

    def add(self, done: int, failed: int) -> None:
        """Count rows."""
        self._done += done
        self._failed += failed
        self._tell()

    def reach(self, done: int) -> None:
        """Set the number of rows done."""
        self._done = done
        self._tell()

    def _tell(self) -> None:
        seconds = time.monotonic() - self._started
        completed = min(self._done + self._failed, self._total)
        written = (self._done - self._kept) * self._row_bytes
        counts = (completed, self._failed, self._total)
        self._notify(Progress(self._stage, *counts, written, seconds, self._unit, self._kept))


class TerminalBar:
    """A bar on a terminal: rows, rate, MB/s, time left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm[Any] | None = None

    def __call__(self, progress: Progress) -> None:
        """Draw."""
        if self._bar is None:
            self._bar = tqdm(
                total=progress.total,
                desc=progress.stage,
                unit="img" if progress.unit == "rows" else progress.unit,
                file=self._stream,
                initial=progress.kept,
                leave=False,
                dynamic_ncols=True,
            )
        bad = f", {progress.failed} bad" if progress.failed else ""
        if progress.bytes_done or bad:
            speed = f"{progress.megabytes_per_second:.0f} MB/s"
            self._bar.set_postfix_str(f"{speed}{bad}", refresh=False)
        self._bar.update(progress.done - self._bar.n)
        if progress.done >= progress.total:
            self.close()

    def close(self) -> None:
        """Take the bar off the terminal; needed when a job ends early."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class PlainLines:
    """A line every ten seconds, for logs and pipes; a job that ends before prints none."""

    def __init__(self, stream: TextIO, interval_seconds: float = _SECONDS_BETWEEN_LINES) -> None:
        self._stream = stream
        self._interval = interval_seconds
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Print, if it is time."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last = now
        left = progress.seconds_left
        bad = f", {progress.failed} bad" if progress.failed else ""
        remaining = "" if left is None else f", {left:.0f} s left"
        rate = f", {_per_second(progress.rows_per_second)} img/s"
        if progress.bytes_done or not progress.done:
            rate += f", {progress.megabytes_per_second:.0f} MB/s"
        self._stream.write(
            f"{progress.stage}: {progress.done} of {progress.total} {progress.unit}{bad}"
            f"{rate if progress.unit == 'rows' else ''}{remaining}\n"
        )
        self._stream.flush()

    def close(self) -> None:
        """Nothing to take away."""


def _per_second(rate: float) -> str:
    """Return a rate in few digits, which of slow jobs are behind the point."""
    return f"{rate:.1f}" if 0 < rate < _SLOW else f"{rate:.0f}"


def for_stream(stream: TextIO | None = None) -> TerminalBar | PlainLines:
    """Return what fits a stream (default: standard error): a bar on a terminal, else lines."""
    stream = sys.stderr if stream is None else stream
    return TerminalBar(stream) if stream.isatty() else PlainLines(stream)
