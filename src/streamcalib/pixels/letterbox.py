"""Letterbox: resize with the aspect ratio kept, then pad to the canvas."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streamcalib.recipe import Anchor


class Placement(NamedTuple):
    """Where an image stands on a canvas, in pixels.

    Attributes
    ----------
    height, width
        Size of the resized image, at least 1 each.
    top, left
        Padding above and to the left; the rest of the canvas is below and to the right.
    ratio
        Resized over original size.
    """

    height: int
    width: int
    top: int
    left: int
    ratio: float


@lru_cache(maxsize=1024)
def place(
    image_height: int,
    image_width: int,
    canvas_height: int,
    canvas_width: int,
    anchor: Anchor = "center",
) -> Placement:
    """Compute the placement of an image on a canvas as Ultralytics' ``LetterBox`` does.

    All sizes in pixels, at least 1. Follows ``LetterBox.get_params`` of Ultralytics 8.4 with
    ``auto=False``: Python's rounding (half to even), sides of at least 1, and an odd pixel of
    padding going below and to the right.
    """
    ratio = min(canvas_height / image_height, canvas_width / image_width)
    height = max(round(image_height * ratio), 1)
    width = max(round(image_width * ratio), 1)
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
    fit(image, window(canvas, placement))


def window(canvas: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    """Return the view of a canvas (H, W, 3) in which an image stands."""
    height, width, top, left, _ = placement
    return canvas[top : top + height, left : left + width]


def pad(canvas: NDArray[np.uint8], placement: Placement, value: int) -> None:
    """Fill a canvas (H, W, 3) around the `window`."""
    height, width, top, left, _ = placement
    bottom, right = top + height, left + width
    canvas[:top] = value
    canvas[bottom:] = value
    canvas[top:bottom, :left] = value
    canvas[top:bottom, right:] = value


def fit(image: NDArray[np.uint8], window: NDArray[np.uint8]) -> None:
    """Fill a `window` with an image (H, W, 3), resized with ``INTER_LINEAR`` if it must be."""
    if image.shape == window.shape:
        window[...] = image
    else:
        height, width = window.shape[:2]
        window[...] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
