"""Recipes in words."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from streamcalib.presets import PRESETS
from streamcalib.recipe import Recipe
from streamcalib.recipe_words import in_words

CHANGES = {
    "height": {"height": 320},
    "width": {"width": 320},
    "dtype": {"dtype": "float16"},
    "channel_order": {"channel_order": "BGR"},
    "layout": {"layout": "NHWC"},
    "scale": {"scale": 256},
    "mean": {"mean": (0.0, 0.0, 0.5)},
    "std": {"std": (1.0, 2.0, 1.0)},
    "pad_value": {"pad_value": 0},
    "anchor": {"anchor": "top-left"},
    "resize": {"resize": "stretch"},
    "resize_side": {"resize": "crop", "resize_side": 256},
    "rounding": {"rounding": "floor"},
    "interpolation": {"interpolation": "pil-bilinear"},
    "orientation": {"orientation": "ignore"},
    "decoder": {"decoder": "pil", "orientation": "ignore"},
}


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_can_be_told_from_the_words(field):
    """Another value gives other words."""
    assert in_words(Recipe(**CHANGES[field])) != in_words(Recipe())


def test_no_field_is_left_out():
    """All but the name are tried above."""
    assert {field.name for field in fields(Recipe)} == set(CHANGES) | {"name"}


def test_presets_that_differ_have_other_words():
    """And those that do not have the same."""
    recipes = [replace(Recipe.preset(name, 64), name="") for name in PRESETS]
    assert len({tuple(in_words(recipe).items()) for recipe in recipes}) == len(set(recipes))
