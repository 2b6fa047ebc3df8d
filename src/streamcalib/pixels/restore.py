"""The recipe's values back to the canvas that they were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.recipe import Recipe

_WHITE = 255


class Restorer:
    """Turns the rows of one recipe into the canvases that they were made of.

    Attributes
    ----------
    is_exact
        Whether no two bytes have the same value, so that each value tells its byte.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._table = recipe.lookup_table()
        self._recipe = recipe
        self.is_exact = bool((np.diff(self._table.astype(np.float64), axis=1) > 0).all())

    def restore(self, row: NDArray[Any], canvas: NDArray[np.uint8]) -> None:
        """Fill ``canvas`` (3, H, W) with that of a row.

        Raises
        ------
        ValueError
            If a value is none that the recipe gives.
        """
        planes = cv2.split(row) if self._recipe.layout == "NHWC" else row
        for channel, (plane, out) in enumerate(zip(planes, canvas, strict=True)):
            recipe = self._recipe
            # Near enough to find the byte; whether it is the one, the table tells.
            near = plane.astype(np.float32) * np.float32(recipe.std[channel])
            near += np.float32(recipe.mean[channel])
            near *= np.float32(recipe.scale)
            np.rint(near, out=near)
            # What is no number fails the comparison below.
            with np.errstate(invalid="ignore"):
                np.copyto(out, np.clip(near, 0, _WHITE, out=near), casting="unsafe")
            if not np.array_equal(self._table[channel][out], plane):
                self._search(channel, plane, out)

    def _search(self, channel: int, plane: NDArray[Any], out: NDArray[np.uint8]) -> None:
        """Find each value in the table, where arithmetic did not lead to it."""
        table = self._table[channel]
        found = np.searchsorted(table, plane).clip(0, _WHITE)
        np.copyto(out, found, casting="unsafe")
        if not np.array_equal(table[out], plane):
            raise ValueError("it holds values that its recipe does not give")
