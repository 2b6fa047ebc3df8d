"""One image's bytes to its canvas: decode, resize, planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamcalib.errors import ImageError
from streamcalib.pixels.decode import MAX_PIXELS, Route
from streamcalib.pixels.decoding import decode_for
from streamcalib.pixels.encode import split_planes
from streamcalib.pixels.letterbox import Placement, fit, pad, window
from streamcalib.pixels.placing import fills_lines, placer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.pixels.turbo import TurboDecoder
    from streamcalib.recipe import Recipe


class CanvasFacts(NamedTuple):
    """What is known of a canvas once it is made.

    Attributes
    ----------
    height, width
        Size of the image, upright if the recipe turns it, in pixels.
    route
        How it was decoded.
    """

    height: int
    width: int
    route: Route


class CanvasMaker:
    """Makes canvases of one recipe, one at a time, in buffers of its own.

    Parameters
    ----------
    recipe
        Everything but the encoding.
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
        self._place = placer(recipe)
        self._canvas = np.empty((recipe.height, recipe.width, 3), np.uint8)
        self._padded_for: Placement | None = None
        self._straight: NDArray[np.uint8] | None = None

    def make(self, data: bytes, planes: NDArray[np.uint8]) -> CanvasFacts:
        """Fill ``planes`` (3, H, W), C-contiguous, with the canvas of an image file's bytes.

        Raises
        ------
        ImageError
            If the image cannot become a canvas; ``planes`` is then as it was.
        """
        recipe = self._recipe
        self._straight = None
        image, route = decode_for(
            recipe,
            data,
            self._decoder,
            max_pixels=self._max_pixels,
            tolerate_damage=self._tolerate_damage,
            window=self._straight_window,
        )
        height, width = image.shape[:2]
        placement = self._place(height, width)
        self._check(placement)
        if placement != self._padded_for:
            pad(self._canvas, placement, recipe.pad_value)
            self._padded_for = placement
        if image is not self._straight:
            fit(image, self._canvas, placement, recipe.interpolation)
        split_planes(self._canvas, planes)
        return CanvasFacts(height, width, route)

    def _check(self, placement: Placement) -> None:
        """Refuse a thin image whose shorter side would make it huge, before memory is taken."""
        height, width = placement[:2]
        if height * width > max(self._max_pixels, self._canvas.shape[0] * self._canvas.shape[1]):
            raise ImageError(
                f"resized to {width}x{height} pixels it is over the limit of {self._max_pixels} "
                "(--max-pixels)"
            )

    def _straight_window(self, height: int, width: int) -> NDArray[np.uint8] | None:
        """Return an image's window on the canvas if it can be decoded straight there.

        It needs no resizing then, and its lines follow each other without a gap.
        """
        placement = self._place(height, width)
        if placement[:2] != (height, width) or not fills_lines(placement, self._recipe):
            return None
        self._straight = window(self._canvas, placement)
        # What is decoded now spoils the padding of a different placement.
        if placement != self._padded_for:
            self._padded_for = None
        return self._straight
