"""Canvas to the recipe's values: each a function of a byte and its channel; then the layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.recipe import Recipe

# OpenCV's LUT copies table entries by their size; it has no name for numpy's float16.
_STRETCH = 2**19
_SAME_SIZE = {1: np.uint8, 2: np.int16, 4: np.float32}


def split_planes(canvas: NDArray[np.uint8], planes: NDArray[np.uint8]) -> None:
    """Copy a canvas (H, W, 3) into ``planes`` (3, H, W), C-contiguous."""
    cv2.split(canvas, [planes[0], planes[1], planes[2]])


class Encoder:
    """Turns canvases into the rows of one recipe.

    Attributes
    ----------
    is_identity
        Whether a row's bytes are those of its canvas.
    is_planar
        Whether a row consists of its canvas's planes, each encoded by itself.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._table = recipe.lookup_table()
        self._kind = _SAME_SIZE[self._table.dtype.itemsize]
        self._one_table = bool((self._table == self._table[0]).all())
        self._divisor = np.float32(recipe.scale) if _only_divides(recipe) else None
        self._pixels_last = recipe.layout == "NHWC"
        self.is_identity = recipe.dtype == "uint8" and not self._pixels_last
        self.is_planar = not self._pixels_last

    def encode(self, canvases: NDArray[np.uint8], rows: NDArray[Any]) -> None:
        """Fill ``rows`` (k, *row shape) with the values of ``canvases`` (k, 3, H, W).

        Both C-contiguous, ``rows`` in the recipe's dtype. Entry for entry the recipe's
        `lookup_table`.
        """
        if not self._pixels_last:
            self._encode(canvases, rows, planes=True)
            return
        pixels = np.empty(rows.shape, np.uint8)
        for canvas, row in zip(canvases, pixels, strict=True):
            cv2.merge(list(canvas), dst=row)
        self._encode(pixels, rows, planes=False)

    def encode_plane(self, channel: int, plane: NDArray[np.uint8], out: NDArray[Any]) -> None:
        """Fill ``out`` (H, W) with the values of one plane (H, W) of an `is_planar` recipe."""
        if self._divisor is None and not self._one_table:
            _look_up(plane, self._table[channel].view(self._kind), out.view(self._kind))
        else:
            self._encode(plane, out, planes=True)

    def _encode(self, values: NDArray[np.uint8], rows: NDArray[Any], planes: bool) -> None:
        if self._table.dtype == np.uint8:
            # A uint8 recipe has no normalization: its table changes nothing.
            np.copyto(rows, values)
        elif self._divisor is not None:
            _divide(values.reshape(-1), self._divisor, rows.reshape(-1))
        elif self._one_table:
            _look_up(values, self._table[0].view(self._kind), rows.view(self._kind))
        elif planes:
            for canvas, row in zip(values, rows, strict=True):
                for plane, line, out in zip(canvas, self._table, row, strict=True):
                    _look_up(plane, line.view(self._kind), out.view(self._kind))
        else:
            interleaved = np.ascontiguousarray(self._table.T).view(self._kind)[None]
            for pixels, row in zip(values, rows, strict=True):
                cv2.LUT(pixels, interleaved, dst=row.view(self._kind))


def _divide(values: NDArray[np.uint8], divisor: np.float32, out: NDArray[Any]) -> None:
    """Divide as the table was made by dividing: on vectors, faster than looking up.

    Converted and divided in two passes, by stretches that stay in the processor's cache.
    """
    for start in range(0, len(values), _STRETCH):
        stretch = out[start : start + _STRETCH]
        np.copyto(stretch, values[start : start + _STRETCH])
        np.divide(stretch, divisor, out=stretch)


def _look_up(values: NDArray[np.uint8], table: NDArray[Any], out: NDArray[Any]) -> None:
    """Look values up, by stretches: OpenCV counts columns in 31 bits and tells no overflow."""
    flat, target = values.reshape(1, -1), out.reshape(1, -1)
    for start in range(0, flat.shape[1], _STRETCH):
        stretch = slice(start, start + _STRETCH)
        cv2.LUT(flat[:, stretch], table, dst=target[:, stretch])


def _only_divides(recipe: Recipe) -> bool:
    return recipe.dtype == "float32" and not any(recipe.mean) and set(recipe.std) == {1.0}
