"""The first rows of a set, where not all are wanted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.values import RowValues


class FirstRows:
    """The first rows of others, whose range is known once all have been read; see `Rows`.

    Parameters
    ----------
    values
        The rows.
    count
        How many of them.
    """

    def __init__(self, values: RowValues, count: int) -> None:
        self._values, self._count = values, count
        self._lock = threading.Lock()
        self._low, self._high = float("inf"), float("-inf")
        self.row_shape = values.row_shape
        self.dtype = values.dtype
        self.row_bytes = values.row_bytes
        self.is_mapped = values.is_mapped
        self.is_encoded = values.is_encoded

    def __len__(self) -> int:
        return self._count

    @property
    def observed(self) -> list[float]:
        """Lowest and highest of the values that were read."""
        return [self._low, self._high]

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``, as `RowValues.read` does."""
        rows = self._values.read(start, min(stop, self._count), out)
        low, high = float(rows.min()), float(rows.max())
        with self._lock:
            self._low, self._high = min(self._low, low), max(self._high, high)
        return rows

    def forget(self, start: int, stop: int, since: int = 0) -> None:
        """Let the page cache drop rows that were read; see `RowMapping.drop`."""
        self._values.forget(start, stop, since)
