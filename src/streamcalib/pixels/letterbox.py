"""Letterbox: where an image stands on a canvas with its aspect ratio kept, and the padding."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.pixels.resampling import resampled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streamcalib.recipe_fields import Anchor, Interpolation, Rounding


class Placement(NamedTuple):
    """Where an image stands on a canvas, in pixels.

    Attributes
    ----------
    height, width
        Size of the resized image, at least 1 each.
    top, left
        Padding above and to the left, or, below 0, what is cut off there; the rest of the canvas
        is below and to the right.
    ratio
        Resized over original size; of a stretched image, of its height and its width.
    """

    height: int
    width: int
    top: int
    left: int
    ratio: float | tuple[float, float]


@lru_cache(maxsize=1024)
def place(
    image_height: int,
    image_width: int,
    canvas_height: int,
    canvas_width: int,
    anchor: Anchor = "center",
    rounding: Rounding = "round",
) -> Placement:
    """Compute the placement of an image on a canvas as Ultralytics' ``LetterBox`` does.

    All sizes in pixels, at least 1. Follows ``LetterBox.get_params`` of Ultralytics 8.4 with
    ``auto=False``: Python's rounding (half to even), sides of at least 1, and an odd pixel of
    padding going below and to the right. With ``floor``, sides are cut to whole pixels, as by
    YOLOX.
    """
    ratio = min(canvas_height / image_height, canvas_width / image_width)
    whole = round if rounding == "round" else int
    height = max(whole(image_height * ratio), 1)
    width = max(whole(image_width * ratio), 1)
    if anchor == "top-left":
        return Placement(height, width, 0, 0, ratio)
    top = round((canvas_height - height) / 2 - 0.1)
    left = round((canvas_width - width) / 2 - 0.1)
    return Placement(height, width, top, left, ratio)


def letterbox(
    image: NDArray[np.uint8], placement: Placement, pad_value: int, canvas: NDArray[np.uint8]
) -> None:
    """Resize ``image`` (H, W, 3) with ``INTER_LINEAR`` into its place, and fill the rest.

    ``canvas`` (height, width, 3), C-contiguous, is overwritten whole. An image that already has
    the placement's size is copied, as Ultralytics does.
    """
    pad(canvas, placement, pad_value)
    fit(image, canvas, placement)


def window(canvas: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    """Return the view of a canvas (H, W, 3) in which an image, or what is left of it, stands."""
    height, width, top, left, _ = placement
    return canvas[max(top, 0) : top + height, max(left, 0) : left + width]


def pad(canvas: NDArray[np.uint8], placement: Placement, value: int) -> None:
    """Fill a canvas (H, W, 3) around the `window`."""
    height, width, top, left, _ = placement
    top, bottom = max(top, 0), top + height
    left, right = max(left, 0), left + width
    canvas[:top] = value
    canvas[bottom:] = value
    canvas[top:bottom, :left] = value
    canvas[top:bottom, right:] = value


def fit(
    image: NDArray[np.uint8],
    canvas: NDArray[np.uint8],
    placement: Placement,
    interpolation: Interpolation = "linear",
) -> None:
    """Fill the `window` of a canvas with an image (H, W, 3), resized if it must be."""
    height, width, top, left, _ = placement
    view = window(canvas, placement)
    if image.shape[:2] != (height, width):
        image = resampled(image, height, width, interpolation)
    top, left = max(-top, 0), max(-left, 0)
    view[...] = image[top : top + view.shape[0], left : left + view.shape[1]]
