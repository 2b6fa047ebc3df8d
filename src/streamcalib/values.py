"""Stored rows as the values that the model sees: mapped where they are final, encoded where not."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.pixels.encode import Encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from streamcalib.recipe import Recipe
    from streamcalib.stores.store import StoreKind


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
    """

    def __init__(self, stored: NDArray[Any], recipe: Recipe, kind: StoreKind) -> None:
        self._stored = stored
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
        """
        stored = self._stored[start:stop]
        if self._encoder is None:
            return stored
        values: NDArray[Any]
        values = np.empty((len(stored), *self.row_shape), self.dtype) if out is None else out
        values = values[: len(stored)]
        self._encoder.encode(stored, values)
        return values

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
        with self._disk_ahead() as disk_ahead:
            for start in starts:
                disk_ahead(start + size, start + 2 * size)
                yield self.read(start, start + size, buffer)

    def _ahead(self, starts: range, size: int) -> Iterator[NDArray[Any]]:
        """Encode the next batch while the caller works on this one."""
        with self._disk_ahead() as disk_ahead, ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self.read, 0, size)
            for start in starts:
                # Handed out of a list, it is the caller's alone, and goes when the caller lets go.
                ready = [coming.result()]
                if start + size < len(self):
                    disk_ahead(start + 2 * size, start + 3 * size)
                    coming = pool.submit(self.read, start + size, start + 2 * size)
                else:
                    del coming
                yield ready.pop()

    @contextmanager
    def _disk_ahead(self) -> Iterator[Callable[[int, int], None]]:
        """Give a function that lets the system start to read rows from disk, where it can."""
        stored = self._stored
        if not isinstance(stored, np.memmap) or not hasattr(os, "posix_fadvise"):
            yield lambda *_rows: None
            return
        row_bytes, offset = stored[0].nbytes, stored.offset
        file = os.open(os.fspath(stored.filename or ""), os.O_RDONLY)

        def disk_ahead(start: int, stop: int) -> None:
            place, size = offset + start * row_bytes, (stop - start) * row_bytes
            os.posix_fadvise(file, place, size, os.POSIX_FADV_WILLNEED)

        try:
            yield disk_ahead
        finally:
            os.close(file)
