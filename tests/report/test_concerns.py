"""What a person is told before a set is used."""

from __future__ import annotations

from dataclasses import replace

import pytest

import reportsets
from streamcalib.recipe import Recipe
from streamcalib.report.concerns import concerns
from streamcalib.report.histogram import Histogram
from streamcalib.report.survey import Survey
from streamcalib.report.thumbnails import Thumbnails

RECIPE = Recipe.yolo11(32)


def found(rows: int = 1000, padding: float = 0.2, **marks: int) -> Survey:
    paddings = Histogram(0.05, 1)
    paddings.add(padding)
    made = Survey.empty(rows, Thumbnails.fitting(1, RECIPE), 3)
    made.paddings = paddings
    made.marked.counts.update(marks)
    return made


@pytest.fixture
def manifest(tmp_path):
    pictures = {"a.png": reportsets.plain(32, 32, (0, 0, 0)), "b.png": reportsets.soft(1)}
    made = reportsets.built(tmp_path, pictures).manifest
    return replace(made, value_range={"expected": [0.0, 1.0], "observed": [0.0, 1.0]})


def test_a_good_set_is_of_no_concern(manifest):
    """Enough rows, few odd ones."""
    assert concerns(found(dark=99, colourless=20, flat=20), manifest) == []


@pytest.mark.parametrize(
    ("mark", "count"),
    [("constant", 1), ("repeated", 2), ("flat", 21), ("dark", 101), ("bright", 101),
     ("colourless", 101), ("padded", 101), ("enlarged", 101)],
)  # fmt: skip
def test_many_odd_rows_are(manifest, mark, count):
    """Each kind from its own limit on."""
    (one,) = concerns(found(**{mark: count}), manifest)
    assert one.mark == mark
    assert one.title.startswith(f"{count} row")
    assert not one.is_serious


def test_damage_is_serious_and_comes_first(manifest):
    """One damaged row is enough."""
    first, *others = concerns(found(rows=10, damaged=1), manifest)
    assert (first.mark, first.is_serious) == ("damaged", True)
    assert [other.is_serious for other in others] == [False]


def test_fewer_rows_than_vendors_advise(manifest):
    """300 are enough."""
    (few,) = concerns(found(rows=299), manifest)
    assert few.title == "299 rows only"
    assert "NNCF takes 300 by default; " in few.text
    assert concerns(found(rows=300), manifest) == []


def test_values_out_of_the_recipes_range_are_serious(manifest):
    """And those that fill a part of it are told."""
    out = replace(manifest, value_range={"expected": [0.0, 1.0], "observed": [0.0, 1.5]})
    assert concerns(found(), out)[0].is_serious
    part = replace(manifest, value_range={"expected": [0.0, 1.0], "observed": [0.2, 0.6]})
    (one,) = concerns(found(), part)
    assert one.title == "Values reach from 0.2 to 0.6 only"


def test_much_padding_and_bad_images_are_told(manifest):
    """Of the whole set."""
    bad = [{"path": "x", "reason": "empty", "list_row": 3}]
    told = concerns(found(padding=0.6), replace(manifest, failures=bad, on_bad="skip"))
    assert [one.title for one in told] == ["60% of all values are padding", "1 bad image left out"]
