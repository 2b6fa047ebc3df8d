"""The canvases of a finished set, each held to its checksum; what is damaged is told, not given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.manifest_rows import stored_checksums
from streamcalib.pixels.checksum import checksums
from streamcalib.pixels.restore import Restorer
from streamcalib.verifying.scan import out_of_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamcalib.calibset import CalibrationSet

_PART_BYTES = 16 * 2**20


class CanvasReader:
    """Reads the canvases of a set, a part at a time; safe to share among threads.

    Attributes
    ----------
    part_rows
        How many rows are read at once.

    Raises
    ------
    SetError
        If the manifest's records of rows are damaged.
    """

    def __init__(self, calibration: CalibrationSet) -> None:
        recipe, kind = calibration.recipe, calibration.manifest.store
        self._stored = calibration.values().stored
        self._sums = stored_checksums(calibration.row_records(), kind)
        self._restorer = Restorer(recipe) if kind == "final" else None
        self._range = recipe.value_range if kind == "final" else (0.0, 255.0)
        self._shape = (3, recipe.height, recipe.width)
        self.part_rows = max(1, _PART_BYTES // self._stored.row_bytes)

    def read(self, start: int) -> Iterator[NDArray[np.uint8] | str]:
        """Yield the canvas (3, H, W) of each row of a part, or what is wrong with it.

        Raises ``OSError``.
        """
        stop = min(start + self.part_rows, len(self._stored))
        rows, unreadable = self._stored.attempt(start, stop)
        expected = self._sums[start:stop].tolist()
        for row, (values, have, want) in enumerate(
            zip(rows, checksums(rows), expected, strict=True), start
        ):
            if row in unreadable:
                yield unreadable[row]
            elif have != want:
                yield self._what_is_wrong(values, have, want)
            else:
                yield self._canvas(values)
        self._stored.forget(start, stop)

    def _what_is_wrong(self, values: NDArray[Any], have: int, want: int) -> str:
        low, high = float(values.min()), float(values.max())
        wrong = out_of_range(low, high, self._range)
        return wrong or f"its CRC-32C is {have:08x}, and {want:08x} was recorded"

    def _canvas(self, values: NDArray[Any]) -> NDArray[np.uint8] | str:
        if self._restorer is None:
            return values
        canvas = np.empty(self._shape, np.uint8)
        try:
            self._restorer.restore(values, canvas)
        except ValueError as error:
            return str(error)
        return canvas
