"""A worker's rows on their way into the store, a few at a time.

Small rows are encoded and written together, so that many share the cost of a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.building.made import ROUTES, Made
from streamcalib.pixels.checksum import checksums, extended
from streamcalib.pixels.encode import Encoder
from streamcalib.rowfacts import COLUMNS
from streamcalib.stores.stored import runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.pixels.canvas import CanvasFacts
    from streamcalib.recipe import Recipe
    from streamcalib.stores.store import RowWriter

_WHITE = 255


class Slab:
    """Buffers for a few rows, and what is known of those made in them.

    Parameters
    ----------
    recipe
        What a row is.
    size
        How many rows are encoded and written at once.
    encodes
        Whether the store holds the recipe's values; else it holds canvases.
    """

    def __init__(self, recipe: Recipe, size: int, *, encodes: bool) -> None:
        self._canvases = np.empty((size, 3, recipe.height, recipe.width), np.uint8)
        self._encoder = Encoder(recipe)
        self._encoded: NDArray[Any] | None = None
        self._plane: NDArray[Any] | None = None
        if encodes and not self._encoder.is_identity:
            if size == 1 and self._encoder.is_planar:
                self._plane = np.empty((recipe.height, recipe.width), recipe.dtype)
            else:
                self._encoded = np.empty((size, *recipe.row_shape), recipe.dtype)
        self._low = np.full(3, _WHITE, np.uint8)
        self._high = np.zeros(3, np.uint8)
        self._knows_extremes = False
        self.clear()

    def clear(self) -> None:
        """Forget all rows, but not their extremes."""
        self._rows: list[int] = []
        self._facts: list[tuple[int, ...]] = []
        self._canvas_crcs: list[int] = []
        self._row_crcs: list[int] = []
        self._flushed = 0

    @property
    def is_full(self) -> bool:
        """Whether rows must be flushed before another is made."""
        return self._waiting == len(self._canvases)

    @property
    def free_canvas(self) -> NDArray[np.uint8]:
        """Where the next row's canvas (3, H, W) is to be made."""
        canvas: NDArray[np.uint8] = self._canvases[self._waiting]
        return canvas

    @property
    def _waiting(self) -> int:
        return len(self._rows) - self._flushed

    def add(self, row: int, source: int, size: int, facts: CanvasFacts, stamp: int = 0) -> None:
        """Take what stands in `free_canvas` as the canvas of ``row``.

        Its image has ``size`` bytes, and ``stamp`` changes when its content does.
        """
        self._rows.append(row)
        height, width, route = facts
        known = (source, height, width, 0, 0, size, stamp, ROUTES.index(route), 1)
        self._facts.append(known)

    def flush(self, writer: RowWriter) -> None:
        """Encode and write the rows that wait; raises ``OSError``."""
        count = self._waiting
        if not count:
            return
        canvases = self._canvases[:count]
        self._note_extremes(canvases)
        crcs = checksums(canvases)
        self._canvas_crcs += crcs
        if self._plane is not None:
            self._row_crcs.append(self._write_planes(writer, self._rows[-1], self._plane))
        else:
            self._write_rows(writer, canvases, crcs, self._rows[-count:])
        self._flushed += count

    def _write_planes(self, writer: RowWriter, row: int, values: NDArray[Any]) -> int:
        """Encode and write one large row by planes, each while it is in the processor's cache."""
        crc = 0
        for channel, plane in enumerate(self._canvases[0]):
            self._encoder.encode_plane(channel, plane, values)
            crc = extended(crc, values)
            writer.write_part(row, channel * values.nbytes, values)
        return crc

    def _write_rows(
        self, writer: RowWriter, canvases: NDArray[np.uint8], crcs: list[int], rows: list[int]
    ) -> None:
        stored: NDArray[Any] = canvases
        if self._encoded is not None:
            stored = self._encoded[: len(rows)]
            self._encoder.encode(canvases, stored)
            crcs = checksums(stored)
            self._row_crcs += crcs
        for start, stop in runs(rows):
            writer.write(rows[start], stored[start:stop], crcs[start:stop])

    def _note_extremes(self, canvases: NDArray[np.uint8]) -> None:
        if self._knows_extremes:
            return
        np.minimum(self._low, canvases.min(axis=(0, 2, 3)), out=self._low)
        np.maximum(self._high, canvases.max(axis=(0, 2, 3)), out=self._high)
        # A few photographs later there is nothing left to learn.
        self._knows_extremes = not self._low.any() and bool((self._high == _WHITE).all())

    def made(self) -> Made:
        """Return what is known of the rows flushed since the slab was cleared."""
        columns = np.array(self._facts[: self._flushed], COLUMNS)
        columns["canvas_crc32c"] = self._canvas_crcs
        columns["row_crc32c"] = self._row_crcs or self._canvas_crcs
        rows = np.array(self._rows[: self._flushed], np.int64)
        return Made(rows, columns, self._low.copy(), self._high.copy())
