"""What a manifest's records say of rows, and what is not believed of them."""

from __future__ import annotations

import numpy as np
import pytest

from streamcalib.recipe import Recipe
from streamcalib.report.facts import RowFacts

RECIPE = Recipe.yolo11((20, 40))
RECORD = {
    "path": "a/b.jpg",
    "height": 10,
    "width": 30,
    "bytes": 123,
    "decoded_by": "turbo",
    "scale": 1.3,
    "padding": [3, 4, 0, 0],
    "canvas_crc32c": "0badcafe",
}


def test_a_record_is_read():
    """Sizes, shares and the picture's place follow from it."""
    facts = RowFacts.of(7, RECORD, RECIPE)
    assert (facts.row, facts.path, facts.size_bytes, facts.route) == (7, "a/b.jpg", 123, "turbo")
    assert facts.aspect == 3
    assert facts.picture_pixels == 13 * 40
    assert facts.padding_share == pytest.approx(7 / 20)
    assert facts.scale == 1.3
    canvas = np.arange(3 * 20 * 40).reshape(3, 20, 40)
    np.testing.assert_array_equal(facts.picture(canvas), canvas[:, 3:16])


@pytest.mark.parametrize(
    "padding",
    [
        None,
        "no",
        [1, 2, 3],
        [0, 0, -1, 0],
        [10, 10, 0, 0],
        [0, 0, 20, 21],
        [0, 0, 1.5, 0],
        [True] * 4,
    ],
)
def test_padding_that_cannot_be_is_none(padding):
    """What was changed by hand never leads out of the canvas."""
    facts = RowFacts.of(0, {**RECORD, "padding": padding}, RECIPE)
    assert facts.padding == (0, 0, 0, 0)
    assert facts.picture(np.zeros((3, 20, 40))).shape == (3, 20, 40)


def test_what_only_our_own_records_have_may_be_missing():
    """A size that nobody knows is not known, and no error."""
    facts = RowFacts.of(0, {"path": "a", "bytes": 1, "canvas_crc32c": "00"}, RECIPE)
    assert not facts.is_sized
    assert (facts.aspect, facts.scale, facts.padding_share) == (0, 0, 0)


@pytest.mark.parametrize("scale", [None, "2", True, -1.0, float("nan"), float("inf"), [2]])
def test_a_scale_that_cannot_be_is_not_known(scale):
    """No mark follows from it."""
    assert RowFacts.of(0, {**RECORD, "scale": scale}, RECIPE).scale == 0
