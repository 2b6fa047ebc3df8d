"""Stored rows as the values that the model sees: mapped where they are final, encoded where not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.errors import DamagedError
from streamcalib.pixels.checksum import checksums
from streamcalib.pixels.encode import Encoder
from streamcalib.stores.mapped import RowMapping
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamcalib.manifest import StoreKind
    from streamcalib.recipe import Recipe


class RowValues:
    """The values of a finished store's rows.

    Safe to share among threads.

    Parameters
    ----------
    stored
        The rows on disk, mapped: final values (N, *row shape), or canvases (N, 3, H, W) uint8.
    recipe
        What the values are.
    kind
        Which of the two is stored.
    sums
        The checksum of every row as stored, (N,); what is read is held against them.
    """

    def __init__(
        self,
        stored: NDArray[Any],
        recipe: Recipe,
        kind: StoreKind,
        sums: NDArray[np.uint32] | None = None,
    ) -> None:
        self._stored = stored
        self._sums = sums
        self._mapping = RowMapping(stored)
        self._encoder = Encoder(recipe) if kind == "uint8" else None
        self.row_shape = recipe.row_shape
        self.dtype = np.dtype(recipe.dtype)

    def __len__(self) -> int:
        return len(self._stored)

    @property
    def is_mapped(self) -> bool:
        """Whether the values are on disk as they are; else every reading encodes them."""
        return self._encoder is None

    @property
    def row_bytes(self) -> int:
        """Size of a row's values, in bytes."""
        return int(np.prod(self.row_shape)) * self.dtype.itemsize

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``: (stop - start, *row shape), C-contiguous.

        Mapped rows are a read-only view. Encoded ones fill the beginning of ``out``
        (k, *row shape) if it is given, else a fresh array.

        Raises
        ------
        DamagedError
            If a row is not what its checksum says.
        """
        stored = self._stored[start:stop]
        if self._sums is not None:
            self._compare(start, checksums(stored))
        if self._encoder is None:
            return stored
        values: NDArray[Any]
        values = np.empty((len(stored), *self.row_shape), self.dtype) if out is None else out
        values = values[: len(stored)]
        self._encoder.encode(stored, values)
        return values

    def stored(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows as the file holds them, mapped read-only: final values or canvases."""
        return self._stored[start:stop]

    def _compare(self, start: int, found: list[int]) -> None:
        expected = [] if self._sums is None else self._sums[start : start + len(found)].tolist()
        for row, (have, want) in enumerate(zip(found, expected, strict=True), start):
            if have != want:
                name = getattr(self._stored, "filename", None)
                raise DamagedError(
                    f"row {row} of {'the set' if name is None else printable(str(name))} is "
                    f"damaged: the CRC-32C of its bytes is {have:08x}, and that of what was "
                    f"written is {want:08x}. Copy the set again from where it is whole, or build "
                    "it again."
                )

    def forget(self, start: int, stop: int, since: int = 0) -> None:
        """Let the page cache drop rows that were read; see `RowMapping.drop`."""
        self._mapping.drop(start, stop, since)

    def batches(self, size: int, *, reuse: bool) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, ``size`` at a time; see `CalibrationSet.batches`."""
        starts = range(0, len(self), size)
        if self.is_mapped:
            yield from (self.read(start, start + size) for start in starts)
        elif reuse:
            yield from self._into_one_buffer(starts, size)
        else:
            yield from self._ahead(starts, size)

    def _into_one_buffer(self, starts: range, size: int) -> Iterator[NDArray[Any]]:
        buffer = np.empty((min(size, len(self)), *self.row_shape), self.dtype)
        for start in starts:
            self._mapping.read_ahead(start + size, start + 2 * size)
            yield self.read(start, start + size, buffer)

    def _ahead(self, starts: range, size: int) -> Iterator[NDArray[Any]]:
        """Encode the next batch while the caller works on this one."""
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self.read, 0, size)
            for start in starts:
                # Handed out of a list, it is the caller's alone, and goes when the caller lets go.
                ready = [coming.result()]
                if start + size < len(self):
                    self._mapping.read_ahead(start + 2 * size, start + 3 * size)
                    coming = pool.submit(self.read, start + size, start + 2 * size)
                else:
                    del coming
                yield ready.pop()
