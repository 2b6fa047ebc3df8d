"""streamcalib's own builds as they are measured."""

from __future__ import annotations

import numpy as np
import pytest

import smallsets
from benchmarks import builds
from benchmarks.children import run_child
from benchmarks.corpus import Corpus


@pytest.mark.parametrize(("store", "dtype"), [("final", "float32"), ("uint8", "uint8")])
def test_the_order_makes_the_set_that_is_named(tmp_path, settings, listed, store, dtype):
    """The dtype on disk is the one in the figure's name."""
    out = tmp_path / "calib.npy"
    turn = run_child("build", **builds.order(settings, listed, out, store=store, imgsz=16))
    assert turn["rows"] == 12
    rows = np.load(out)
    assert (rows.shape, rows.dtype.name) == ((12, 3, 16, 16), dtype)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_start_is_told_apart(tmp_path, settings, listed, jobs):
    """What comes after the first task is a part of the whole, in rows and in time."""
    order = builds.order(settings, listed, tmp_path / "calib.npy", store="uint8", imgsz=16)
    turn = builds.work(**{**order, "jobs": jobs})
    assert 0 < turn["start_seconds"] < turn["seconds"]
    rows = turn["rate_after_start"] * (turn["seconds"] - turn["start_seconds"])
    assert 1 <= round(rows) < turn["rows"] == 12
    assert rows == pytest.approx(round(rows))


def test_a_turn_leaves_nothing(settings, little):
    """The set and its side files are deleted."""
    corpus = Corpus("little", tuple(map(str, little)), settings.scratch)
    turn = builds.contestant("build", settings, corpus, 12, store="final").measure()
    assert turn["rate"] > 0
    assert [path.name for path in settings.scratch.iterdir()] == ["lists"]
    assert smallsets.contents(settings.scratch).keys() == {"lists", "lists/little_12.txt"}
