"""The plain script."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import smallsets
from benchmarks import plain
from benchmarks.children import run_child


def test_its_rows_are_those_of_a_build(tmp_path, listed, little):
    """Both sides of the comparison make the same values."""
    out = tmp_path / "plain.npy"
    turn = run_child("plain", list_file=listed, out=out, imgsz=smallsets.SIDE)
    assert turn["rows"] == 12
    assert turn["seconds"] >= turn["saved_seconds"]
    np.testing.assert_array_equal(np.load(out), smallsets.rows(little))


def test_memory_limits_its_rows(settings):
    """A quarter of what is free, at two copies a row."""
    told: list[str] = []
    assert plain.rows_in_memory(settings, told.append) == settings.plain_images
    assert told == []
    fewer = plain.rows_in_memory(replace(settings, plain_images=10**9), told.append)
    assert 1 <= fewer < 10**9
    assert len(told) == 1
