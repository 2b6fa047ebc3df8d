"""What is known of every row while a build runs; held by the parent, some 50 bytes a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.errors import Failure
from streamcalib.rowfacts import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from streamcalib.building.made import Made


class RowTable:
    """Facts and failures of the rows of one build.

    Attributes
    ----------
    columns
        One record a row. ``source`` is the index of its image: in the list, or, at ``len(list)``
        and above, among the spares behind it.
    low, high
        Smallest and largest canvas value per channel over all rows done.
    """

    def __init__(self, rows: int) -> None:
        self.columns: NDArray[Any] = np.zeros(rows, COLUMNS)
        self.columns["source"] = np.arange(rows)
        self.low = np.full(3, 255)
        self.high = np.zeros(3, int)
        self._reasons: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.columns)

    def record(self, made: Made) -> None:
        """Note finished rows."""
        self.columns[made.rows] = made.columns
        np.minimum(self.low, made.low, out=self.low)
        np.maximum(self.high, made.high, out=self.high)

    def fail(self, source: int, reason: str) -> None:
        """Note a bad image."""
        self._reasons[source] = reason

    def failures(self, name: Callable[[int], str]) -> tuple[Failure, ...]:
        """Return every bad image, in the order of the sources; ``name`` gives their paths."""
        return tuple(Failure(s, name(s), reason) for s, reason in sorted(self._reasons.items()))

    @property
    def bad_sources(self) -> list[int]:
        """Indices of the bad images, ascending."""
        return sorted(self._reasons)

    @property
    def open_rows(self) -> list[int]:
        """Rows that are not done, ascending."""
        return np.flatnonzero(self.columns["done"] == 0).tolist()

    def move(self, source_row: int, target_row: int) -> None:
        """Note that row ``target_row`` now holds what ``source_row`` held."""
        self.columns[target_row] = self.columns[source_row]

    def shorten(self, rows: int) -> None:
        """Drop the rows from ``rows`` on."""
        self.columns = self.columns[:rows]
