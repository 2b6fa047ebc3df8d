"""Where an image comes to stand on its canvas, by each way of making it fit."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from streamcalib.pixels.letterbox import Placement, place

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamcalib.recipe import Recipe

    Placer = Callable[[int, int], Placement]


def placer(recipe: Recipe) -> Placer:
    """Return a function that gives the `Placement` of an image of a height and width in pixels."""
    down, across, side = recipe.height, recipe.width, recipe.resize_side
    if recipe.resize == "stretch":
        return lambda height, width: stretch(height, width, down, across)
    if side is not None:
        return lambda height, width: crop(height, width, down, across, side)
    return lambda height, width: place(height, width, down, across, recipe.anchor, recipe.rounding)


def fills_lines(placement: Placement, recipe: Recipe) -> bool:
    """Whether a resized image stands whole on the canvas, without a gap between its lines."""
    height, width, top, left, _ = placement
    fits = 0 <= top <= recipe.height - height
    return fits and left == 0 and width == recipe.width


def stretch(
    image_height: int, image_width: int, canvas_height: int, canvas_width: int
) -> Placement:
    """Return the placement of an image that fills the canvas; all sizes in pixels."""
    ratio = canvas_height / image_height, canvas_width / image_width
    return Placement(canvas_height, canvas_width, 0, 0, ratio)


@lru_cache(maxsize=1024)
def crop(
    image_height: int, image_width: int, canvas_height: int, canvas_width: int, side: int
) -> Placement:
    """Return the placement of an image whose shorter side becomes ``side``, the middle kept.

    All sizes in pixels, at least 1. Follows ``Resize(side)`` and ``CenterCrop`` of torchvision
    0.29: the longer side is cut to a whole pixel; of what is too much, Python's rounding (half to
    even) of the half is cut off above and to the left; of what is missing, an odd pixel is added
    below and to the right.
    """
    short, long = sorted((image_height, image_width))
    longer = int(side * long / short)
    height, width = (longer, side) if image_width <= image_height else (side, longer)
    top, left = _offset(height, canvas_height), _offset(width, canvas_width)
    return Placement(height, width, top, left, side / short)


def _offset(side: int, canvas: int) -> int:
    """Return the padding before a side, or, below 0, what is cut off there."""
    if side < canvas:
        return (canvas - side) // 2
    return -round((side - canvas) / 2)
