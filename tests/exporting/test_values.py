"""Rows in other layouts, ranges and dtypes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import smallsets
from exportlines import pixels_last
from messages import text_of
from streamcalib import build
from streamcalib.errors import DamagedError, InputError
from streamcalib.exporting.values import WrittenRows, written_recipe
from streamcalib.stores.npy import HEADER_BYTES


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("value_range", ["recipe", "0-1", "0-255"])
def test_all_ranges_in_both_layouts(made, layout, value_range):
    """The canvas as it is, divided by 255, or the recipe's values: to the last bit."""
    recipe = written_recipe(made.recipe, value_range, layout=layout, dtype=None)
    rows = WrittenRows(made.calibration, recipe, 6)
    assert len(rows) == 6
    expected = {
        "recipe": pixels_last(made.values, made.recipe.layout),
        "0-1": made.pixels.astype(np.float32) / np.float32(255),
        "0-255": made.pixels,
    }[value_range][:6]
    found = np.concatenate([rows.read(0, 4), rows.read(4, 100)])
    assert found.dtype == expected.dtype == rows.dtype
    assert found.shape[1:] == rows.row_shape
    np.testing.assert_array_equal(pixels_last(found, layout), expected)
    assert rows.row_bytes == found[0].nbytes


def test_a_buffer_is_filled(made):
    """Where one is given, rows are put into its beginning, unless they are mapped as they are."""
    recipe = written_recipe(made.recipe, "0-255", layout="NHWC", dtype=None)
    rows = WrittenRows(made.calibration, recipe, 7)
    buffer = np.zeros((4, *rows.row_shape), np.uint8)
    part = rows.read(5, 9, buffer)
    assert part.base is buffer
    np.testing.assert_array_equal(buffer[:2], made.pixels[5:])
    assert not buffer[2:].any()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_other_dtypes(plain, dtype):
    """Values and bytes as floats of either size."""
    recipe = written_recipe(plain.recipe, "recipe", layout="NCHW", dtype=dtype)
    rows = WrittenRows(plain.calibration, recipe, 7).read(0, 7)
    np.testing.assert_array_equal(rows, plain.values.astype(dtype))
    recipe = written_recipe(plain.recipe, "0-255", layout="NHWC", dtype=dtype)
    rows = WrittenRows(plain.calibration, recipe, 7).read(0, 7)
    np.testing.assert_array_equal(rows, plain.pixels.astype(dtype))


@pytest.mark.parametrize("value_range", ["recipe", "0-1"])
def test_bytes_do_not_hold_everything(value_range):
    """A uint8 of values between 0 and 1 would be nearly all zeros: refused, with the way out."""
    with pytest.raises(InputError, match="--range 0-255"):
        written_recipe(smallsets.RECIPE, value_range, layout="NCHW", dtype="uint8")


def test_canvases_that_cannot_be_told(tmp_path, paths):
    """float16 values that stand for several bytes give no canvases; canvases that were kept do."""
    # So far from 0, float16 has no room for 256 values.
    recipe = replace(smallsets.RECIPE, dtype="float16", mean=(32.0, 32.0, 32.0))
    bytes_ = written_recipe(recipe, "0-255", layout="NCHW", dtype=None)
    final = build(paths, tmp_path / "f.npy", recipe=recipe, jobs=1)
    with pytest.raises(InputError) as caught:
        WrittenRows(final, bytes_, 7)
    assert "f.npy" in text_of(caught.value)
    assert "--store uint8" in text_of(caught.value)
    canvases = build(paths, tmp_path / "u.npy", recipe=recipe, store="uint8", jobs=1)
    assert WrittenRows(canvases, bytes_, 7).read(0, 7).any()
    same = written_recipe(recipe, "recipe", layout="NHWC", dtype=None)
    assert WrittenRows(final, same, 7).read(0, 7).shape == (7, 16, 16, 3)


@pytest.mark.parametrize("value_range", ["recipe", "0-255"])
@pytest.mark.parametrize("store", ["final", "uint8"])
def test_damage_is_found(tmp_path, paths, store, value_range):
    """A flipped bit is named with its row, whether values or canvases are read."""
    made = build(paths, tmp_path / "s.npy", recipe=smallsets.RECIPE, store=store, jobs=1)
    data = bytearray(made.path.read_bytes())
    data[HEADER_BYTES + 3 * made._stored().row_bytes + 5] ^= 1
    made.path.write_bytes(data)
    recipe = written_recipe(made.recipe, value_range, layout="NHWC", dtype=None)
    rows = WrittenRows(made, recipe, 7)
    rows.read(0, 3)
    with pytest.raises(DamagedError, match="row 3 of"):
        rows.read(3, 5)
