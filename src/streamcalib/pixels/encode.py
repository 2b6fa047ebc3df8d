"""Canvas to the recipe's values: one table look-up a pixel and channel, then the layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# OpenCV's LUT copies table entries by their size; it has no name for numpy's float16.
_SAME_SIZE = {2: np.int16, 4: np.float32}


def split_planes(canvas: NDArray[np.uint8], planes: NDArray[np.uint8]) -> None:
    """Copy a canvas (H, W, 3) into ``planes`` (3, H, W), C-contiguous."""
    cv2.split(canvas, [planes[0], planes[1], planes[2]])


def encode_planes(planes: NDArray[np.uint8], table: NDArray[Any], row: NDArray[Any]) -> None:
    """Fill ``row`` (3, H, W) with ``row[c] = table[c][planes[c]]``.

    ``planes`` (3, H, W) uint8; ``table`` (3, 256) in the row's dtype. All C-contiguous.
    """
    if table.dtype == np.uint8:
        # A uint8 recipe has no normalization: its table changes nothing.
        row[...] = planes
        return
    kind = _SAME_SIZE[table.dtype.itemsize]
    for plane, line, out in zip(planes, table.view(kind), row.view(kind), strict=True):
        cv2.LUT(plane, line, dst=out)


def encode_pixels(canvas: NDArray[np.uint8], table: NDArray[Any], row: NDArray[Any]) -> None:
    """Fill ``row`` (H, W, 3) from a canvas (H, W, 3); ``table`` as in `encode_planes`."""
    for channel, line in enumerate(table):
        row[..., channel] = line[canvas[..., channel]]
