"""A slab: rows handled together are the rows handled one by one."""

from __future__ import annotations

from dataclasses import replace

import google_crc32c
import numpy as np
import pytest

import smallsets
from streamcalib.building.slab import Slab
from streamcalib.pixels.canvas import CanvasFacts
from streamcalib.pixels.encode import Encoder
from streamcalib.recipe import Recipe

RECIPES = {
    "float32": smallsets.RECIPE,
    "pixels last": replace(smallsets.RECIPE, layout="NHWC"),
    "uint8": Recipe.yolo11(smallsets.SIDE, dtype="uint8"),
    "normalized": replace(smallsets.RECIPE, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)),
    "float16": Recipe.yolo11(smallsets.SIDE, dtype="float16"),
}


class Kept:
    """A writer that keeps what it is given."""

    def __init__(self):
        self.rows: dict[int, np.ndarray] = {}
        self.parts: dict[int, bytes] = {}
        self.calls = 0

    def write(self, index, rows, sums=None):
        self.calls += 1
        assert rows.flags.c_contiguous
        for number, row in enumerate(rows):
            assert index + number not in self.rows
            self.rows[index + number] = row.copy()

    def write_part(self, index, offset, part):
        """Put the parts of a row together; they come in order."""
        self.calls += 1
        data = part.tobytes()
        before = self.parts.pop(index, b"")
        assert offset == len(before)
        self.parts[index] = before + data


def fill(slab: Slab, writer: Kept, rows: list[int], canvases: np.ndarray) -> None:
    for row, canvas in zip(rows, canvases, strict=True):
        slab.free_canvas[...] = canvas
        slab.add(row, 100 + row, 1000 + row, CanvasFacts(7, 8, "opencv-jpeg"))
        if slab.is_full:
            slab.flush(writer)
    slab.flush(writer)


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize("encodes", [True, False])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_any_number_together_gives_the_same(recipe, encodes, size, generator):
    """Rows, checksums and facts do not depend on how many are written at once, nor on gaps."""
    rows = [0, 1, 2, 4, 5, 9, 10, 11, 12, 3]
    canvases = generator.integers(1, 255, (10, 3, 16, 16), np.uint8)
    slab, writer = Slab(recipe, size, encodes=encodes), Kept()
    fill(slab, writer, rows, canvases)
    expected = canvases
    if encodes:
        expected = np.empty((10, *recipe.row_shape), recipe.dtype)
        Encoder(recipe).encode(canvases, expected)
    by_planes = encodes and size == 1 and recipe.layout == "NCHW" and recipe.dtype != "uint8"
    assert set(writer.parts if by_planes else writer.rows) == set(rows)
    for row, values in zip(rows, expected, strict=True):
        written = writer.parts[row] if by_planes else writer.rows[row].tobytes()
        assert written == values.tobytes()
    made = slab.made()
    assert made.rows.tolist() == rows
    assert made.columns["source"].tolist() == [100 + row for row in rows]
    assert made.columns["bytes"].tolist() == [1000 + row for row in rows]
    assert made.columns["row_crc32c"].tolist() == [
        google_crc32c.value(values.tobytes()) for values in expected
    ]
    assert made.columns["canvas_crc32c"].tolist() == [
        google_crc32c.value(canvas.tobytes()) for canvas in canvases
    ]
    assert made.low.tolist() == canvases.min(axis=(0, 2, 3)).tolist()
    assert made.high.tolist() == canvases.max(axis=(0, 2, 3)).tolist()


def test_rows_that_follow_each_other_are_one_write(generator):
    """Ten rows with two gaps are three calls."""
    slab, writer = Slab(smallsets.RECIPE, 50, encodes=True), Kept()
    canvases = generator.integers(0, 256, (10, 3, 16, 16), np.uint8)
    fill(slab, writer, [0, 1, 2, 5, 6, 7, 8, 20, 21, 22], canvases)
    assert writer.calls == 3


def test_extremes_are_those_of_all_rows_ever(generator):
    """Once black and white have been seen there is nothing more to learn; before, all counts."""
    slab, writer = Slab(smallsets.RECIPE, 1, encodes=False), Kept()
    canvases = np.full((3, 3, 16, 16), 100, np.uint8)
    canvases[1, 0, 0, 0], canvases[2, 2, 5, 5] = 3, 250
    for number in range(3):
        slab.clear()
        fill(slab, writer, [number], canvases[number : number + 1])
    assert slab.made().low.tolist() == [3, 100, 100]
    assert slab.made().high.tolist() == [100, 100, 250]


def test_a_failed_write_counts_no_row(generator):
    """Rows whose writing failed are not told as done."""

    class Full(Kept):
        def write(self, index, rows, sums=None):
            raise OSError(28, "No space left on device")

    slab = Slab(smallsets.RECIPE, 2, encodes=True)
    with pytest.raises(OSError, match="No space"):
        fill(slab, Full(), [0, 1], generator.integers(0, 256, (2, 3, 16, 16), np.uint8))
    slab.clear()
    assert len(slab.made().rows) == 0
