"""The rows of a sharded array, to be read as `StoredRows`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.stores.shard_reader import ShardReader
from streamcalib.stores.stored import damaged, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamcalib.stores.objects import Objects
    from streamcalib.stores.zarr_layout import ZarrLayout


class ShardedRows:
    """The rows of a sharded array; every reading copies them out of their shards.

    Safe to share among threads; see `StoredRows`.
    """

    is_mapped = False

    def __init__(self, objects: Objects, layout: ZarrLayout) -> None:
        self._reader = ShardReader(objects, layout)
        self.name = objects.shown
        self.shape = layout.shape
        self.dtype = np.dtype(layout.dtype)
        self.row_bytes = layout.row_bytes

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return rows; see `StoredRows.read`."""
        rows, faults = self._attempt(start, stop, out)
        for row, reason in faults.items():
            raise damaged(row, self.name, reason)
        return rows

    def attempt(self, start: int, stop: int) -> tuple[NDArray[Any], dict[int, str]]:
        """Return rows, and what is wrong with some; see `StoredRows.attempt`."""
        return self._attempt(start, stop, None)

    def _attempt(
        self, start: int, stop: int, out: NDArray[Any] | None
    ) -> tuple[NDArray[Any], dict[int, str]]:
        count = max(0, min(stop, len(self)) - start)
        rows: NDArray[Any]
        # Zeros cost nothing here, and a chunk may restore to less than it should.
        rows = np.zeros((count, *self.shape[1:]), self.dtype) if out is None else out[:count]
        return rows, self._reader.read(start, rows)

    def take(self, rows: Sequence[int]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return some rows, and which of them are whole; see `StoredRows.take`."""
        taken = np.zeros((len(rows), *self.shape[1:]), self.dtype)
        whole = np.ones(len(rows), bool)
        for start, stop in runs(rows):
            for row in self._reader.read(rows[start], taken[start:stop]):
                whole[start + row - rows[start]] = False
        return taken, whole

    def read_ahead(self, start: int, stop: int) -> None:
        """Do nothing: the system reads files ahead that are read in order."""

    def forget(self, start: int, stop: int, since: int = 0) -> None:
        """Do nothing."""
