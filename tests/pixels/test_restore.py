"""Encoding undone: every byte of every recipe that can be told comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.pixels.encode import Encoder
from streamcalib.pixels.restore import Restorer
from streamcalib.recipe import Recipe

PLAIN = Recipe.yolo11((16, 24))
RECIPES = {
    "float32": PLAIN,
    "float16": Recipe.yolo11((16, 24), dtype="float16"),
    "pixels last": replace(PLAIN, layout="NHWC"),
    "normalized": replace(PLAIN, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    "uint8, pixels last": replace(Recipe.yolo11((16, 24), dtype="uint8"), layout="NHWC"),
    "0 to 255": replace(PLAIN, scale=1.0),
}


def encoded(recipe: Recipe, canvas: np.ndarray) -> np.ndarray:
    rows = np.empty((1, *recipe.row_shape), recipe.dtype)
    Encoder(recipe).encode(canvas[None], rows)
    return rows[0]


@pytest.fixture(params=RECIPES.values(), ids=RECIPES)
def recipe(request) -> Recipe:
    return request.param


def test_every_byte_comes_back(recipe):
    """All 256 values of each channel."""
    canvas = np.resize(np.arange(256, dtype=np.uint8), (3, 16, 24))
    restored = np.empty_like(canvas)
    restorer = Restorer(recipe)
    assert restorer.is_exact
    restorer.restore(encoded(recipe, canvas), restored)
    np.testing.assert_array_equal(restored, canvas)


@given(
    st.floats(1e-3, 1e3),
    st.tuples(*[st.floats(-2, 2)] * 3),
    st.tuples(*[st.floats(1e-2, 1e2)] * 3),
    st.sampled_from(["float32", "float16"]),
)
def test_whatever_the_normalization(scale, mean, std, dtype):
    """If no two bytes have the same value, each comes back; else that is said."""
    try:
        recipe = replace(PLAIN, scale=scale, mean=mean, std=std, dtype=dtype)
    except ValueError:
        return
    restorer = Restorer(recipe)
    canvas = np.resize(np.arange(256, dtype=np.uint8), (3, 16, 24))
    restored = np.empty_like(canvas)
    if restorer.is_exact:
        restorer.restore(encoded(recipe, canvas), restored)
        np.testing.assert_array_equal(restored, canvas)
    else:
        table = recipe.lookup_table()
        assert min(len(np.unique(channel)) for channel in table) < 256


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.5001, 2.0])
def test_a_value_that_no_byte_has_is_refused(value):
    """NaN, infinity, what is outside, and what is between."""
    row = encoded(PLAIN, np.zeros((3, 16, 24), np.uint8))
    row[1, 3, 4] = value
    with pytest.raises(ValueError, match="does not give"):
        Restorer(PLAIN).restore(row, np.empty((3, 16, 24), np.uint8))
