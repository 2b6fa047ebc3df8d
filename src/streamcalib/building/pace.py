"""How many rows a worker is handed at a time: a fixed time's worth, as measured while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_ROWS = 2
_TASK_SECONDS = 0.25
_LEAST_SECONDS = 0.02
_SHARE_OF_REST = 3


class Pace:
    """Deals rows out in disjoint consecutive ranges.

    A task costs its parent some tenths of a millisecond, and workers wait for the last one at the
    end: tasks are long, first and last ones short.

    Parameters
    ----------
    rows
        Rows to deal out.
    jobs
        Number of workers.
    multiple
        A range begins at a multiple of so many rows.
    """

    def __init__(self, rows: int, jobs: int, multiple: int = 1) -> None:
        self._rows, self._jobs, self._multiple = rows, jobs, multiple
        self._seconds_per_row: float | None = None

    def note(self, rows: int, seconds: float) -> None:
        """Note how long a worker took for a task."""
        if rows:
            self._seconds_per_row = max(seconds / rows, 1e-9)

    def ranges(self) -> Iterator[range]:
        """Yield ranges, in order, that cover every row exactly once; each as its turn comes."""
        start = 0
        while start < self._rows:
            stop = min(self._rows, start + self._size(self._rows - start))
            yield range(start, stop)
            start = stop

    def _size(self, left: int) -> int:
        share = left // (_SHARE_OF_REST * self._jobs)
        if self._seconds_per_row is None:
            size = min(_FIRST_ROWS, share)
        else:
            least = int(_LEAST_SECONDS / self._seconds_per_row)
            size = max(least, min(share, int(_TASK_SECONDS / self._seconds_per_row)))
        return max(1, -(-size // self._multiple)) * self._multiple
