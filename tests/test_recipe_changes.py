"""Changes to a recipe as they are written on the command line."""

from __future__ import annotations

import pytest

from messages import text_of
from streamcalib.errors import RecipeError
from streamcalib.recipe import Recipe
from streamcalib.recipe_changes import changed


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ("pad_value=0", "pad_value", 0),
        ("scale=1", "scale", 1.0),
        ("mean=0.5,0.25,0", "mean", (0.5, 0.25, 0.0)),
        ("std=[1, 2, 4]", "std", (1.0, 2.0, 4.0)),
        ("channel_order=BGR", "channel_order", "BGR"),
        ("interpolation=pil-bicubic", "interpolation", "pil-bicubic"),
        ("name=mine", "name", "mine"),
        ("resize_side=none", "resize_side", None),
    ],
)
def test_values_are_numbers_lists_or_words(change, field, value):
    """The field changes, and the name says that it is no preset's any more."""
    recipe = changed(Recipe.yolo11(), [change])
    assert getattr(recipe, field) == value
    assert recipe.name == ("mine" if field == "name" else "yolo11-custom")


def test_fields_that_need_each_other_change_together():
    """A recipe is checked when all is changed."""
    recipe = changed(Recipe.yolo11(), ["resize=crop", "resize_side=700", "pad_value=3"])
    assert (recipe.resize, recipe.resize_side, recipe.pad_value) == ("crop", 700, 3)


def test_nothing_changes_nothing():
    """Without a change it is the preset."""
    assert changed(Recipe.yolo11()) == Recipe.yolo11()


@pytest.mark.parametrize(("share", "side"), [(1.0, 224), (0.95, 235), (0.875, 256), (0.9, 248)])
def test_timms_share_becomes_a_side(share, side):
    """The recipe is still timm's."""
    recipe = changed(Recipe.preset("timm"), crop_pct=share)
    assert (recipe.resize_side, recipe.name) == (side, "timm")


def test_a_preset_that_does_not_crop_has_no_share():
    """The message names the preset."""
    with pytest.raises(RecipeError, match="yolo11 does not: leave it out"):
        changed(Recipe.yolo11(), crop_pct=0.9)


@pytest.mark.parametrize("change", ["pad_value", "=1", "padd=1", "pad\x1b=1", ""])
def test_what_is_no_field_is_refused(change):
    """All fields are listed, and what was given is shown escaped."""
    with pytest.raises(RecipeError) as caught:
        changed(Recipe.yolo11(), [change])
    message = text_of(caught.value)
    assert "is not FIELD=VALUE; the fields are height, width" in message
    assert "\x1b" not in message


@pytest.mark.parametrize("change", ["pad_value=grey", "mean=1,2", "resize=crop", "height=0"])
def test_a_recipe_that_is_none_is_refused(change):
    """As in a file."""
    with pytest.raises(RecipeError):
        changed(Recipe.yolo11(), [change])
