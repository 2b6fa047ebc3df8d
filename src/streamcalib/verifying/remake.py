"""Rows made again from their images, and compared bit for bit."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.errors import ImageError
from streamcalib.images.places import as_base
from streamcalib.images.reading import MAX_FILE_BYTES, read_image
from streamcalib.pixels.decode import MAX_PIXELS
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.pixels.placing import placer
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.wording import without_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from streamcalib.calibset import CalibrationSet


class Remade(NamedTuple):
    """How rows compare with their images.

    Attributes
    ----------
    compared
        How many rows were compared.
    faults
        What differs, by row.
    unread
        Why an image could not be made into a row, by row.
    """

    compared: int
    faults: dict[int, str]
    unread: dict[int, str]


def remake(
    calibration: CalibrationSet,
    records: Iterable[tuple[int, dict[str, Any]]],
    jobs: int,
    on_rows: Callable[[int], None],
) -> Remade:
    """Make rows again in ``jobs`` threads; ``records`` are their numbers and records."""
    comparison = Comparison(calibration)
    found = Remade(0, {}, {})
    done = 0
    ahead: deque[tuple[int, Future[str]]] = deque()

    def settle() -> None:
        nonlocal done, found
        row, coming = ahead.popleft()
        try:
            fault = coming.result()
        except ImageError as error:
            found.unread[row] = without_option(str(error))
        else:
            found = found._replace(compared=found.compared + 1)
            if fault:
                found.faults[row] = fault
        done += 1
        on_rows(done)

    with one_opencv_thread(), ThreadPoolExecutor(jobs) as pool:
        try:
            for row, record in records:
                ahead.append((row, pool.submit(comparison.fault, row, record)))
                if len(ahead) > 4 * jobs:
                    settle()
            while ahead:
                settle()
        finally:
            for _, coming in ahead:
                coming.cancel()
    return found


class Comparison:
    """Makes rows of a set's recipe and compares them with those of the set; used by threads."""

    def __init__(self, calibration: CalibrationSet) -> None:
        self._values = calibration.values()
        self._recipe = calibration.recipe
        self._place = placer(calibration.recipe)
        images = calibration.manifest.images
        self._bases = tuple(as_base(base) for base in images["bases"])
        self._tolerate_damage = bool(images["tolerate_damage"])
        self._kept = threading.local()

    def fault(self, row: int, record: dict[str, Any]) -> str:
        """Return how a row differs from its image, or nothing; raises `ImageError`."""
        # A file that became a row once is not too large now.
        most = max(MAX_FILE_BYTES, record["bytes"])
        data = read_image(record["path"], self._bases, max_bytes=most)
        pixels = self._pixels(int(record.get("height", 0)), int(record.get("width", 0)))
        difference = self.difference(row, data, pixels)
        if difference and len(data) != record["bytes"]:
            size = f"its image has {len(data)} bytes now, and had {record['bytes']}"
            return f"{difference}; {size}"
        return difference

    def _pixels(self, height: int, width: int) -> int:
        """Return how many pixels an image had, or came to have when it was resized."""
        if not height * width:
            return 0
        resized = self._place(height, width)
        return max(height * width, resized.height * resized.width)

    def difference(self, row: int, data: bytes, pixels: int = 0) -> str:
        """Return how a row differs from an image's bytes, or nothing; raises `ImageError`."""
        made, _ = self._maker(pixels).make(data)
        stored = self._values.read(row, row + 1)[0]
        if made.tobytes() == stored.tobytes():
            return ""
        count = np.count_nonzero(made != stored)
        return f"{count} of its {made.size} values differ from its image's"

    def canvas_checksum(self, data: bytes) -> int:
        """Return the checksum of an image's canvas; raises `ImageError`."""
        return self._maker(0).make(data)[1].canvas_crc32c

    def _maker(self, pixels: int) -> RowMaker:
        # An image that became a row once is not too large now.
        most = max(MAX_PIXELS, pixels)
        if getattr(self._kept, "most", 0) < most:
            self._kept.maker = RowMaker(
                self._recipe,
                find_decoder(),
                max_pixels=most,
                tolerate_damage=self._tolerate_damage,
            )
            self._kept.most = most
        maker: RowMaker = self._kept.maker
        return maker
