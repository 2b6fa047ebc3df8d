"""Resizing, by OpenCV or by Pillow, each of which takes other pixels into account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.recipe_fields import Interpolation


def resampled(
    image: NDArray[np.uint8], height: int, width: int, interpolation: Interpolation
) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) as (height, width, 3), sides in pixels.

    ``linear`` is OpenCV's ``INTER_LINEAR``, which looks at four pixels however much smaller the
    image becomes; ``pil-bilinear`` and ``pil-bicubic`` are Pillow's filters, which look at all.
    """
    if interpolation == "linear":
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, np.uint8)
    from PIL import Image

    filters = Image.Resampling
    chosen = filters.BILINEAR if interpolation == "pil-bilinear" else filters.BICUBIC
    pixels = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(pixels.resize((width, height), chosen, reducing_gap=None), np.uint8)
