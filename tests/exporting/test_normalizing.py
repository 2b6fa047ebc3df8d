"""Mean and standard deviation for other tools: the same values, by other numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import smallsets
from streamcalib import Recipe
from streamcalib.exporting.normalizing import normalization, numbers
from streamcalib.exporting.values import written_recipe

three = st.tuples(*[st.floats(-2, 2)] * 3)
positive = st.tuples(*[st.floats(0.01, 4)] * 3)


def test_the_numbers_that_everybody_knows():
    """ImageNet's, of values from 0 to 255, as they stand in many a script."""
    recipe = replace(smallsets.RECIPE, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    found = normalization(recipe, written_recipe(recipe, "0-255", layout="NCHW", dtype=None))
    assert numbers(found.mean) == "[123.675, 116.28, 103.53]"
    assert numbers(found.std) == "[58.395, 57.12, 57.375]"
    found = normalization(recipe, written_recipe(recipe, "0-1", layout="NCHW", dtype=None))
    assert numbers(found.mean) == "[0.485, 0.456, 0.406]"
    assert numbers(found.std) == "[0.229, 0.224, 0.225]"


def test_a_yolo_divides_by_255():
    """Without mean and std, only the scale is left."""
    recipe = smallsets.RECIPE
    found = normalization(recipe, written_recipe(recipe, "0-255", layout="NCHW", dtype=None))
    assert (numbers(found.mean), numbers(found.std)) == ("[0, 0, 0]", "[255, 255, 255]")
    assert not found.is_identity


@pytest.mark.parametrize("value_range", ["recipe", "0-255"])
def test_what_is_left_as_it_is(value_range):
    """The recipe's own values need nothing; nor do bytes of a graph that normalizes inside."""
    recipe = Recipe.yolo11(16, dtype="uint8")
    written = written_recipe(recipe, value_range, layout="NHWC", dtype=None)
    assert normalization(recipe, written).is_identity


@given(scale=st.floats(0.5, 512), mean=three, std=positive, unit=st.booleans())
def test_every_recipe_comes_back(scale, mean, std, unit):
    """Normalizing what was written gives the recipe's values, whatever its numbers."""
    recipe = Recipe(height=4, width=4, scale=scale, mean=mean, std=std)
    written = written_recipe(recipe, "0-1" if unit else "0-255", layout="NCHW", dtype=None)
    found = normalization(recipe, written)
    x = written.lookup_table().astype(np.float64)
    again = (x - np.array(found.mean)[:, None]) / np.array(found.std)[:, None]
    expected = recipe.lookup_table()
    room = 1e-5 * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(again, expected, rtol=0, atol=room)
