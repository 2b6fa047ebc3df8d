"""Stored rows as the values that the model sees: mapped where they are final, encoded where not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from streamcalib.pixels.checksum import checksums
from streamcalib.pixels.encode import Encoder
from streamcalib.pixels.restore import Restorer
from streamcalib.stores.stored import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamcalib.manifest import StoreKind
    from streamcalib.recipe import Recipe
    from streamcalib.stores.stored import StoredRows


class Rows(Protocol):
    """Rows that can be written to a file, a few at a time; safe to share among threads."""

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        ...

    @property
    def row_bytes(self) -> int:
        """Size of a row, in bytes."""
        ...

    @property
    def is_mapped(self) -> bool:
        """Whether `read` gives views of a file; else it makes fresh arrays, or fills buffers."""
        ...

    @property
    def is_encoded(self) -> bool:
        """Whether the rows' bytes are others than those that are stored and were summed."""
        ...

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``, as `RowValues.read` does."""
        ...

    def forget(self, start: int, stop: int, since: int = 0) -> None:
        """Let the page cache drop rows that were read; see `RowMapping.drop`."""
        ...


class RowValues:
    """The values of a finished store's rows.

    Safe to share among threads.

    Parameters
    ----------
    stored
        The rows as they are stored: final values (N, *row shape), or canvases (N, 3, H, W) uint8.
    recipe
        What the values are.
    kind
        Which of the two is stored.
    sums
        The checksum of every row as stored, (N,); what is read is held against them.
    """

    def __init__(
        self,
        stored: StoredRows,
        recipe: Recipe,
        kind: StoreKind,
        sums: NDArray[np.uint32] | None = None,
    ) -> None:
        self._stored = stored
        self._sums = sums
        self._encoder = Encoder(recipe) if kind == "uint8" else None
        self.row_shape: tuple[int, ...] = recipe.row_shape
        self.dtype = np.dtype(recipe.dtype)

    def __len__(self) -> int:
        return len(self._stored)

    @property
    def is_mapped(self) -> bool:
        """Whether the values are views of a file; else every reading makes fresh ones."""
        return self._encoder is None and self._stored.is_mapped

    @property
    def is_encoded(self) -> bool:
        """Whether the values are made of canvases."""
        return self._encoder is not None

    @property
    def row_bytes(self) -> int:
        """Size of a row's values, in bytes."""
        return int(np.prod(self.row_shape)) * self.dtype.itemsize

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``: (stop - start, *row shape), C-contiguous.

        Mapped rows are a read-only view. Others fill the beginning of ``out`` (k, *row shape) if it
        is given, else a fresh array.

        Raises
        ------
        DamagedError
            If a row is not what its checksum says.
        """
        stored = self._stored.read(start, stop, out if self._encoder is None else None)
        if self._sums is not None:
            compare(start, checksums(stored), self._sums, self._stored.name)
        if self._encoder is None:
            return stored
        values: NDArray[Any]
        values = np.empty((len(stored), *self.row_shape), self.dtype) if out is None else out
        values = values[: len(stored)]
        self._encoder.encode(stored, values)
        return values

    @property
    def stored(self) -> StoredRows:
        """The rows as they are stored: final values or canvases."""
        return self._stored

    def forget(self, start: int, stop: int, since: int = 0) -> None:
        """Let the page cache drop rows that were read; see `RowMapping.drop`."""
        self._stored.forget(start, stop, since)

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
            self._stored.read_ahead(start + size, start + 2 * size)
            yield self.read(start, start + size, buffer)

    def _ahead(self, starts: range, size: int) -> Iterator[NDArray[Any]]:
        """Encode the next batch while the caller works on this one."""
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self.read, 0, size)
            for start in starts:
                # Handed out of a list, it is the caller's alone, and goes when the caller lets go.
                ready = [coming.result()]
                if start + size < len(self):
                    self._stored.read_ahead(start + 2 * size, start + 3 * size)
                    coming = pool.submit(self.read, start + size, start + 2 * size)
                else:
                    del coming
                yield ready.pop()


class Canvases:
    """The canvases of a finished store's rows: as they are stored, or restored from final values.

    Safe to share among threads.

    Parameters
    ----------
    stored
        The rows as they are stored.
    recipe
        What they are.
    kind
        What is stored.
    sums
        The checksum of every canvas, (N,); what is read is held against them.
    """

    is_encoded = False
    dtype: np.dtype[Any] = np.dtype(np.uint8)

    def __init__(
        self, stored: StoredRows, recipe: Recipe, kind: StoreKind, sums: NDArray[np.uint32]
    ) -> None:
        self._stored, self._sums = stored, sums
        self._restorer = Restorer(recipe) if kind == "final" else None
        self.row_shape: tuple[int, ...] = (3, recipe.height, recipe.width)
        self.row_bytes = 3 * recipe.height * recipe.width

    def __len__(self) -> int:
        return len(self._stored)

    @property
    def is_mapped(self) -> bool:
        """Whether the canvases are views of a file."""
        return self._restorer is None and self._stored.is_mapped

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return canvases ``start`` to ``stop``: (stop - start, 3, H, W), as `RowValues.read`.

        Raises
        ------
        DamagedError
            If one is not what its checksum says.
        """
        if self._restorer is None:
            canvases = self._stored.read(start, stop, out)
        else:
            rows = self._stored.read(start, stop)
            canvases = np.empty((len(rows), *self.row_shape), np.uint8) if out is None else out
            canvases = canvases[: len(rows)]
            for number, row in enumerate(rows):
                try:
                    self._restorer.restore(row, canvases[number])
                except ValueError as error:
                    raise damaged(start + number, self._stored.name, str(error)) from error
        compare(start, checksums(canvases), self._sums, self._stored.name)
        return canvases

    def forget(self, start: int, stop: int, since: int = 0) -> None:
        """Let the page cache drop rows that were read; see `RowMapping.drop`."""
        self._stored.forget(start, stop, since)


def compare(start: int, found: list[int], sums: NDArray[np.uint32], name: str) -> None:
    """Hold the checksums of rows from ``start`` on against the recorded ones.

    Raises
    ------
    DamagedError
        If one differs.
    """
    expected = sums[start : start + len(found)].tolist()
    for row, (have, want) in enumerate(zip(found, expected, strict=True), start):
        if have != want:
            reason = f"the CRC-32C of its bytes is {have:08x}, and {want:08x} was recorded"
            raise damaged(row, name, reason)
