"""Which rows are marked."""

from __future__ import annotations

import numpy as np
import pytest

from streamcalib.recipe import Recipe
from streamcalib.report.facts import RowFacts
from streamcalib.report.marks import MARKS, MarkedRows, marks_of
from streamcalib.report.measuring import level_counts, measure

RECIPE = Recipe.yolo11(32)


def facts(**changes) -> RowFacts:
    record = {"path": "a.jpg", "height": 32, "width": 32, "bytes": 1, "canvas_crc32c": "00"}
    return RowFacts.of(0, {**record, **changes}, RECIPE)


def marks(picture: np.ndarray, **changes) -> list[str]:
    measured = measure(picture, level_counts(picture), ("R", "G", "B"))
    return marks_of(facts(**changes), measured)


def shaded(low: int, high: int) -> np.ndarray:
    plane = np.linspace(low, high, 32).astype(np.uint8)[None].repeat(32, axis=0)
    return np.stack([plane, plane.T, plane])


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (shaded(20, 200), []),
        (shaded(0, 30), ["dark"]),
        (shaded(230, 255), ["bright"]),
        (shaded(100, 104), ["flat"]),
        (np.full((3, 32, 32), 114, np.uint8), ["constant", "colourless"]),
        (np.zeros((3, 32, 32), np.uint8), ["constant", "dark", "colourless"]),
        (shaded(20, 200)[:1].repeat(3, axis=0), ["colourless"]),
    ],
)
def test_pictures_are_marked(picture, expected):
    """What is dark, bright, flat, of one value or without colour, and nothing else."""
    assert marks(picture) == expected


def test_three_values_are_no_single_one():
    """A red picture is flat, and not of one value."""
    red = np.stack([np.full((32, 32), value, np.uint8) for value in (220, 30, 20)])
    assert marks(red) == ["flat"]


def test_padding_and_enlarging_are_marked():
    """From the record: three quarters of padding, and more than double the size."""
    assert marks(shaded(20, 200), padding=[13, 13, 0, 0]) == ["padded"]
    assert marks(shaded(20, 200), scale=2.1) == ["enlarged"]
    assert marks(shaded(20, 200), scale=2.0) == []


def test_rows_are_kept_up_to_a_limit_and_all_counted():
    """Memory does not grow with the rows that bear a mark."""
    marked = MarkedRows()
    for _ in range(1000):
        marked.add("dark", facts())
    assert marked.counts["dark"] == 1000
    assert len(marked.first["dark"]) == 200


def test_every_mark_is_explained():
    """No mark is without words."""
    assert {"damaged", "constant", "flat", "dark", "repeated"} <= set(MARKS)
