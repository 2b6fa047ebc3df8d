"""One image's bytes to one row, with what the manifest says of it, where a single row is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.pixels.canvas import CanvasMaker
from streamcalib.pixels.checksum import checksum
from streamcalib.pixels.decode import MAX_PIXELS
from streamcalib.pixels.encode import Encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.pixels.decode import Route
    from streamcalib.pixels.turbo import TurboDecoder
    from streamcalib.recipe import Recipe


class RowFacts(NamedTuple):
    """What is known of a row once it is made.

    Attributes
    ----------
    height, width, route
        As in `CanvasFacts`.
    canvas_crc32c
        Checksum of the canvas as (3, H, W) uint8.
    """

    height: int
    width: int
    route: Route
    canvas_crc32c: int


class RowMaker:
    """Makes rows of one recipe, one at a time, in buffers of its own.

    Parameters
    ----------
    recipe
        What a row is.
    decoder, max_pixels, tolerate_damage
        As in `CanvasMaker`.
    """

    def __init__(
        self,
        recipe: Recipe,
        decoder: TurboDecoder,
        *,
        max_pixels: int = MAX_PIXELS,
        tolerate_damage: bool = False,
    ) -> None:
        self._maker = CanvasMaker(
            recipe, decoder, max_pixels=max_pixels, tolerate_damage=tolerate_damage
        )
        self._encoder = Encoder(recipe)
        self._canvas = np.empty((1, 3, recipe.height, recipe.width), np.uint8)
        self._row: NDArray[Any] = np.empty((1, *recipe.row_shape), recipe.dtype)

    def make(self, data: bytes) -> tuple[NDArray[Any], RowFacts]:
        """Return the row of an image file's bytes, and its facts.

        The row has the recipe's ``row_shape`` and ``dtype``; it is a buffer that the next call
        overwrites.

        Raises
        ------
        ImageError
            If the image cannot become a row.
        """
        facts = self._maker.make(data, self._canvas[0])
        self._encoder.encode(self._canvas, self._row)
        return self._row[0], RowFacts(*facts, checksum(self._canvas))
