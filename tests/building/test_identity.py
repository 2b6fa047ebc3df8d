"""What decides the bytes of a build's rows."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smallsets
from streamcalib import ImageList, Recipe
from streamcalib.building.identity import Identity, made_with
from streamcalib.building.options import BuildOptions
from streamcalib.building.prepare import prepare

MINE = Identity(
    recipe=smallsets.RECIPE,
    images="list.txt",
    count=12,
    entries_sha256="0123",
    staged="final",
    tolerate_damage=False,
)
VALUES = json.loads(json.dumps(MINE.to_dict()))


def prepared(tmp_path, **options):
    paths = smallsets.make_images(tmp_path / "images", 2)
    return prepare(
        ImageList.of(paths),
        tmp_path / "calib.npz",
        recipe=smallsets.RECIPE,
        model=None,
        input_name=None,
        extra_inputs=(),
        options=BuildOptions(**options),
    )


def test_an_identity_is_read_back_from_json():
    """With every field of its recipe."""
    assert Identity.from_dict(VALUES) == MINE
    assert MINE.differences(MINE) == []


def test_the_lists_name_alone_makes_no_difference():
    """A list that was renamed, or given in Python, is the same list."""
    assert MINE.differences(replace(MINE, images="other.txt", count=12)) == []


@pytest.mark.parametrize(
    ("other", "line"),
    [
        ({"entries_sha256": "4567", "images": "b.txt", "count": 7},
         "list: list.txt of 12 images, not b.txt of 7"),
        ({"staged": "uint8"}, "rows on disk: final, not uint8"),
        ({"tolerate_damage": True}, "tolerate damage: False, not True"),
    ],
)  # fmt: skip
def test_each_difference_is_named_with_both_values(other, line):
    """Mine first, then what is asked for."""
    assert MINE.differences(replace(MINE, **other)) == [line]


def test_every_difference_of_the_recipe_is_named():
    """With both values, too."""
    lines = MINE.differences(replace(MINE, recipe=Recipe.yolo11(32, dtype="float16")))
    assert "recipe, height: 16, not 32" in [line.replace("'", "") for line in lines]
    assert all(line.startswith("recipe, ") for line in lines)


def test_what_is_staged_is_part_of_it(tmp_path):
    """An ``.npz`` is staged as canvases; how a build goes about it is no part."""
    build = prepared(tmp_path)
    assert Identity.of(build).staged == "uint8"
    other = replace(build, options=BuildOptions(jobs=7, backend="threading", on_bad="skip"))
    assert Identity.of(other) == Identity.of(build)
    assert Identity.of(build).count == 2


@pytest.mark.parametrize("name", [field.name for field in fields(Identity)])
@pytest.mark.parametrize("value", [None, [], {"a": 1}, 1.5])
def test_fields_of_another_type_are_refused(name, value):
    """With ``ValueError``, whatever they are."""
    with pytest.raises(ValueError, match=r"\w"):
        Identity.from_dict({**VALUES, name: value})


@settings(max_examples=30)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*VALUES, "a"]), inner),
    )
)
def test_anything_else_is_refused(values):
    """A journal is data from outside."""
    with pytest.raises(ValueError, match=r"\w"):
        Identity.from_dict(values)


def test_what_makes_rows_is_named_with_its_version(tmp_path):
    """The decoder that was asked for, and the packages that have a part in a row's values."""
    makers = made_with(prepared(tmp_path, decoder="simplejpeg"))
    assert makers["decoder"].startswith("simplejpeg")
    assert {"decoder", "numpy", "streamcalib"} <= set(makers)
    assert json.loads(json.dumps(makers)) == makers
