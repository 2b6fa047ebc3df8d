"""The steps of a build alone do what a build does, with what a worker holds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import smallsets
from streamcalib.benching import held as held_module
from streamcalib.benching.held import Held
from streamcalib.benching.steps import Circumstances, step
from streamcalib.errors import StoppedError
from streamcalib.recipe import Recipe
from streamcalib.stores.npy import NpyStore


@pytest.fixture
def paths(tmp_path):
    return smallsets.make_images(tmp_path / "images", 8)


@pytest.fixture
def held(paths):
    return hold(paths)


def hold(paths, recipe=smallsets.RECIPE, files_bytes=10**9, rows_at_once=2) -> Held:
    entries = [str(path) for path in paths]
    return Held(
        entries,
        (),
        recipe=recipe,
        decoder="simplejpeg",
        files_bytes=files_bytes,
        rows_at_once=rows_at_once,
    )


def given(store=None, rows=range(0), turn=0.0, rows_at_once=2) -> Circumstances:
    return Circumstances(
        store=store, rows=rows, rows_at_once=rows_at_once, window_bytes=10**6, turn=turn
    )


def test_what_is_held_is_made_as_a_build_makes_it(held, paths):
    """Files are whole, and rows are those of the images."""
    assert held.files == [path.read_bytes() for path in paths]
    np.testing.assert_array_equal(held.rows, smallsets.rows(paths))
    np.testing.assert_array_equal(held.canvases, (held.rows * 255).round().astype(np.uint8))


def test_what_is_held_is_bounded(paths, monkeypatch):
    """However many images there are; one, and what a build handles at once, is always held."""
    monkeypatch.setattr(held_module, "_PIXELS_BYTES", 1)
    few = hold(paths, files_bytes=1)
    assert (len(few.files), len(few.images), len(few.canvases), len(few.rows)) == (1, 1, 2, 2)
    monkeypatch.setattr(held_module, "_PIXELS_BYTES", 3 * 3 * smallsets.SIDE**2 * 4)
    some = hold(paths, files_bytes=paths[0].stat().st_size + 1)
    assert len(some.files) == 2
    assert len(hold(paths).rows) == 3


@pytest.mark.parametrize("name", ["start", "read", "decode", "letterbox", "encode"])
def test_a_step_counts_its_images(held, name):
    """One each, or as many as a build encodes at once."""
    with step(name, held, given()) as do:
        assert {do() for _ in range(20)} == {2 if name == "encode" else 1}


@pytest.mark.parametrize(("name", "dtype"), [("write_uint8", "uint8"), ("write_final", "float32")])
def test_writing_fills_each_workers_rows(held, tmp_path, name, dtype):
    """Ready rows are written round and round, each worker's to its own rows alone."""
    store = NpyStore(path=tmp_path / "a.npy", rows=8, row_shape=(3, 16, 16), dtype=dtype)
    store.create()
    ready = {"write_uint8": held.canvases, "write_final": held.rows}[name]
    for rows in (range(3), range(4, 8)):
        with step(name, held, given(store, rows)) as do:
            assert {do() for _ in range(8)} == {2}
    stored = store.read()
    assert not stored[[2, 3]].any()
    np.testing.assert_array_equal(stored[4:], np.concatenate([ready[4:8]]))


def test_one_row_is_written_where_a_worker_has_but_one(held, tmp_path):
    """Though a build would handle more at once."""
    store = NpyStore(path=tmp_path / "a.npy", rows=2, row_shape=(3, 16, 16), dtype="float32")
    store.create()
    with step("write_final", held, given(store, range(1, 2))) as do:
        assert do() == 1
    assert store.read()[1].any()
    assert not store.read()[0].any()


def test_a_later_turn_begins_elsewhere(held, monkeypatch):
    """So that repeats of few images a second see different ones."""
    seen = []
    monkeypatch.setattr(held, "decode", seen.append)
    for turn in (0.0, 0.5):
        with step("decode", held, given(turn=turn)) as do:
            do()
    assert seen == [held.files[0], held.files[4]]


def test_a_file_that_goes_bad_meanwhile_is_told(held, paths):
    """It was good when the bench began."""
    paths[0].unlink()
    with step("read", held, given()) as do, pytest.raises(StoppedError, match="a moment ago"):
        do()


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_every_recipe_can_be_measured(paths, tmp_path, dtype, layout):
    """Rows of any dtype and layout are encoded and written."""
    scale = {} if dtype != "uint8" else {"scale": 1.0}
    recipe = Recipe(height=16, width=16, dtype=dtype, layout=layout, **scale)
    held = hold(paths, recipe)
    store = NpyStore(path=tmp_path / "a.npy", rows=8, row_shape=recipe.row_shape, dtype=dtype)
    store.create()
    for name in ("encode", "write_final"):
        with step(name, held, given(store, range(8))) as do:
            assert do() == 2
    np.testing.assert_array_equal(store.read()[:2], held.rows[:2])


def test_rows_are_dealt_out_whole():
    """Every row is one worker's, as the edges in a task are computed."""
    for rows in range(1, 30):
        for jobs in range(1, rows + 1):
            edges = [rows * number // jobs for number in range(jobs + 1)]
            assert all(start < stop for start, stop in pairwise(edges))
