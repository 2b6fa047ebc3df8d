"""One pass over sets of every kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import reportsets
from streamcalib.recipe import Recipe
from streamcalib.report import canvases
from streamcalib.report.survey import Survey, evenly, survey
from streamcalib.report.thumbnails import Thumbnails

COUNT = 9
RECIPES = {
    "float32": Recipe.yolo11(32),
    "float16, pixels last": replace(Recipe.yolo11(32, dtype="float16"), layout="NHWC"),
    "uint8": Recipe.yolo11(32, dtype="uint8"),
    "normalized": replace(Recipe.yolo11(32), mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)),
    "values that tell no byte": replace(Recipe.yolo11(32, dtype="float16"), mean=(-20.0,) * 3),
}


def surveyed(calibration, jobs=2, shown=frozenset(range(COUNT))) -> Survey:
    thumbnails = Thumbnails.fitting(len(shown), calibration.recipe)
    reached = []
    found = survey(calibration, shown, thumbnails, jobs, reached.append)
    assert reached[-1] == len(calibration)
    return found


def pictures(count: int = COUNT) -> dict[str, np.ndarray]:
    sizes = ((24, 32), (32, 24), (32, 32))
    return {
        f"{number:02d}.png": reportsets.soft(number, *sizes[number % 3]) for number in range(count)
    }


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize(
    ("name", "store"),
    [("s.npy", "final"), ("s.npy", "uint8"), ("s.npz", "final"), ("s.zarr", None)],
)
def test_every_store_and_recipe_shows_the_same(tmp_path, recipe, name, store):
    """Values are counted as they stand in the images, padding left out."""
    given = pictures()
    found = surveyed(reportsets.built(tmp_path, given, name, recipe=recipe, store=store))
    assert not found.marked.counts.get("damaged")
    assert [row.facts.path.rpartition("/")[2] for row in found.shown] == list(given)
    for row, picture in zip(found.shown, given.values(), strict=True):
        assert row.measured.means == pytest.approx(picture[..., ::-1].mean(axis=(0, 1)), abs=3)
        assert row.picture.startswith(b"RIFF")
    assert found.brightness.count == found.sizes.count == COUNT
    pixels = sum(picture.shape[0] * picture.shape[1] for picture in given.values())
    if recipe is not RECIPES["values that tell no byte"]:
        np.testing.assert_array_equal(found.counts.sum(axis=1), [pixels] * 3)
        levels = np.concatenate([picture[..., 2].ravel() for picture in given.values()])
        np.testing.assert_array_equal(found.counts[0], np.bincount(levels, minlength=256))
    assert found.padding_share == pytest.approx(1 - pixels / (COUNT * 32 * 32))


@pytest.mark.parametrize("jobs", [1, 3])
def test_threads_change_nothing(tmp_path, monkeypatch, jobs):
    """However many threads look at parts of however few rows, the same is found, in order."""
    monkeypatch.setattr(canvases, "_PART_BYTES", 2 * 4 * 3 * 32 * 32)
    calibration = reportsets.built(tmp_path, pictures())
    found = surveyed(calibration, jobs)
    assert [row.facts.row for row in found.shown] == list(range(COUNT))
    again = surveyed(calibration, 1)
    assert [row.picture for row in found.shown] == [row.picture for row in again.shown]
    assert found.brightness.bars() == again.brightness.bars()


@pytest.mark.parametrize("store", ["final", "uint8"])
def test_a_damaged_row_is_told_and_not_shown(tmp_path, store):
    """The others are as they were."""
    calibration = reportsets.built(tmp_path, pictures(), store=store)
    reportsets.damage(calibration, 4)
    found = surveyed(calibration)
    (damaged,) = found.marked.first["damaged"]
    assert damaged.row == 4
    assert "CRC-32C" in damaged.note
    row = found.shown[4]
    assert (row.picture, row.measured, row.marks) == (None, None, ["damaged"])
    assert found.brightness.count == COUNT - 1
    assert found.marked.counts["damaged"] == 1


@pytest.mark.parametrize(
    ("value", "says"), [(np.nan, "NaN"), (7.5, "it holds values of 0.11"), (-np.inf, "infinity")]
)
def test_what_no_recipe_gives_is_said(tmp_path, value, says):
    """NaN, infinity and values out of range are named for what they are."""
    calibration = reportsets.built(tmp_path, pictures())
    rows = np.load(calibration.path, mmap_mode="r+")
    rows[3, 1, 5, 5] = value
    rows.flush()
    found = surveyed(calibration)
    assert says in found.marked.first["damaged"][0].note or value == 7.5
    if value == 7.5:
        assert "and the recipe gives 0 to 1" in found.marked.first["damaged"][0].note


def test_rows_that_are_not_shown_are_counted(tmp_path):
    """The sheet is a part, everything else is of all."""
    found = surveyed(reportsets.built(tmp_path, pictures()), shown=frozenset((2, 7)))
    assert [row.facts.row for row in found.shown] == [2, 7]
    assert found.brightness.count == COUNT


def test_odd_pictures_are_marked(tmp_path):
    """Black, white and grey ones."""
    given = {
        "black.png": reportsets.plain(32, 32, (0, 0, 0)),
        "white.png": reportsets.plain(24, 32, (255, 255, 255)),
        "fine.png": reportsets.soft(1),
    }
    found = surveyed(reportsets.built(tmp_path, given))
    marks = {row.facts.path.rpartition("/")[2]: row.marks for row in found.shown}
    assert marks == {
        "black.png": ["constant", "dark", "colourless"],
        "white.png": ["constant", "bright", "colourless"],
        "fine.png": [],
    }


@pytest.mark.parametrize(("rows", "count"), [(1000, 7), (100_000, 1000), (11, 10)])
def test_shown_rows_are_spread_evenly(rows, count):
    """One of each stretch; the same for the same seed, others for another."""
    chosen = sorted(evenly(rows, count, 42))
    assert len(chosen) == count
    for number, row in enumerate(chosen):
        assert number * rows // count <= row < (number + 1) * rows // count
    assert evenly(rows, count, 42) == frozenset(chosen)
    assert evenly(rows, count, 43) != frozenset(chosen)


def test_few_rows_are_all_shown():
    """No choice is made where there is none."""
    assert evenly(5, 5, 1) == evenly(5, 1000, 2) == frozenset(range(5))
