"""Canvases as small pictures, so many of them that a page stays under its size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np

from streamcalib.report.shrinking import halved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.recipe import Recipe

PAGE_BYTES = 5_000_000
"""What a page of up to a thousand rows may take."""

_ROWS_OF_A_PAGE = 1000
# Style, program, charts, manifest, bad images.
_FIXED_BYTES = 300_000
# Name, size and numbers of a row, twice.
_TEXT_BYTES = 1000
# A byte becomes 4/3 of one in base64.
_GROWTH = 4 / 3
# What WebP takes for a photograph at the first quality, with room.
_BYTES_A_PIXEL = 0.15
_LEAST_SIDE = 64
_QUALITIES = (75, 60, 45, 30, 15)
_SHRINK = 0.7


@dataclass(frozen=True, kw_only=True)
class Thumbnails:
    """Makes the pictures of a page.

    Attributes
    ----------
    side
        Longer side of a picture, in pixels.
    most_bytes
        No picture takes more; what does is made coarser, then smaller.
    is_bgr
        Whether a canvas's planes are blue, green and red.
    """

    side: int
    most_bytes: int
    is_bgr: bool

    @classmethod
    def fitting(cls, rows: int, recipe: Recipe) -> Self:
        """Return those that fit a page of so many rows."""
        left = (page_bytes(rows) - _FIXED_BYTES) / max(1, rows) - _TEXT_BYTES
        most_bytes = int(left / _GROWTH)
        side = math.isqrt(int(most_bytes / _BYTES_A_PIXEL)) // 16 * 16
        side = min(max(recipe.height, recipe.width), max(_LEAST_SIDE, side))
        return cls(side=side, most_bytes=most_bytes, is_bgr=recipe.channel_order == "BGR")

    def make(self, canvas: NDArray[np.uint8]) -> bytes:
        """Return a canvas (C, H, W) as a WebP file, its planes shown as the colours they are."""
        side, data = self.side, b""
        while side:
            pixels = self._pixels(canvas, side)
            for quality in _QUALITIES:
                data = _webp(pixels, quality)
                if len(data) <= self.most_bytes:
                    return data
            side = int(side * _SHRINK)
        return data

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return width and height of the picture of a canvas of this size, unless it is shrunk."""
        return _size(height, width, self.side)

    def _pixels(self, canvas: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
        """Return the picture as OpenCV writes them: (height, width, 3) BGR."""
        height, width = canvas.shape[1:]
        size = _size(height, width, side)
        least = min(size)
        planes = [
            cv2.resize(halved(plane, least), size, interpolation=cv2.INTER_AREA) for plane in canvas
        ]
        if len(planes) == 1:
            planes *= 3
        merged: NDArray[np.uint8] = np.dstack(planes if self.is_bgr else planes[::-1])
        return merged


def page_bytes(rows: int) -> int:
    """Return what a page that shows so many rows takes at most, in bytes."""
    return PAGE_BYTES * max(_ROWS_OF_A_PAGE, rows) // _ROWS_OF_A_PAGE


def _size(height: int, width: int, side: int) -> tuple[int, int]:
    ratio = min(1.0, side / max(height, width))
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def _webp(pixels: NDArray[np.uint8], quality: int) -> bytes:
    _, data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, quality])
    encoded: NDArray[Any] = data
    return encoded.tobytes()
