"""One image's bytes to one row, with what the manifest says of it. Used wherever rows are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import google_crc32c
import numpy as np

from streamcalib.pixels.decode import MAX_PIXELS, Route, decode
from streamcalib.pixels.encode import encode_pixels, encode_planes, split_planes
from streamcalib.pixels.letterbox import Placement, letterbox, place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.pixels.turbo import TurboDecoder
    from streamcalib.recipe import Recipe


class RowFacts(NamedTuple):
    """What is known of a row once it is made.

    Attributes
    ----------
    height, width
        Size of the upright image, in pixels.
    placement
        Where it stands on the canvas.
    route
        How it was decoded.
    canvas_crc32c
        Checksum of the canvas as (3, H, W) uint8.
    row_crc32c
        Checksum of the row's bytes, as stored in a store of final values.
    low, high
        Smallest and largest canvas value per channel, 0..255.
    """

    height: int
    width: int
    placement: Placement
    route: Route
    canvas_crc32c: int
    row_crc32c: int
    low: tuple[int, int, int]
    high: tuple[int, int, int]


class RowMaker:
    """Makes rows of one recipe, one at a time, in buffers of its own.

    Parameters
    ----------
    recipe
        What a row is.
    decoder
        The strict JPEG decoder to use.
    max_pixels, tolerate_damage
        As in `decode`.
    """

    def __init__(
        self,
        recipe: Recipe,
        decoder: TurboDecoder,
        *,
        max_pixels: int = MAX_PIXELS,
        tolerate_damage: bool = False,
    ) -> None:
        self._recipe = recipe
        self._decoder = decoder
        self._max_pixels = max_pixels
        self._tolerate_damage = tolerate_damage
        self._table = recipe.lookup_table()
        self._canvas = np.empty((recipe.height, recipe.width, 3), np.uint8)
        self._planes = np.empty((3, recipe.height, recipe.width), np.uint8)
        self._row: NDArray[Any] = np.empty(recipe.row_shape, recipe.dtype)

    def make(self, data: bytes) -> tuple[NDArray[Any], RowFacts]:
        """Return the row of an image file's bytes, and its facts.

        The row has the recipe's ``row_shape`` and ``dtype``; it is a buffer that the next call
        overwrites.

        Raises
        ------
        ImageError
            If the image cannot become a row.
        """
        recipe = self._recipe
        image, route = decode(
            data,
            self._decoder,
            channel_order=recipe.channel_order,
            orientation=recipe.orientation,
            max_pixels=self._max_pixels,
            tolerate_damage=self._tolerate_damage,
        )
        height, width = image.shape[:2]
        placement = place(height, width, recipe.height, recipe.width, recipe.anchor)
        letterbox(image, placement, recipe.pad_value, self._canvas)
        split_planes(self._canvas, self._planes)
        if recipe.layout == "NCHW":
            encode_planes(self._planes, self._table, self._row)
        else:
            encode_pixels(self._canvas, self._table, self._row)
        facts = RowFacts(
            height=height,
            width=width,
            placement=placement,
            route=route,
            canvas_crc32c=checksum(self._planes),
            row_crc32c=checksum(self._row),
            low=_triple(self._planes.min(axis=(1, 2))),
            high=_triple(self._planes.max(axis=(1, 2))),
        )
        return self._row, facts


def checksum(values: NDArray[Any]) -> int:
    """Return the CRC-32C (RFC 3720) of a C-contiguous array's bytes."""
    flat = values.reshape(-1).view(np.uint8)
    # The package copies writable buffers before reading them.
    flat.flags.writeable = False
    return int(google_crc32c.value(flat))


def _triple(values: NDArray[np.uint8]) -> tuple[int, int, int]:
    first, second, third = values.tolist()
    return first, second, third
