"""Which rows of an earlier run are still what a build would make now."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smallsets
from streamcalib import ImageList, Recipe
from streamcalib.building import kept
from streamcalib.building.kept import changed_sources, channel_extremes, damaged_rows, extremes
from streamcalib.pixels.checksum import checksums
from streamcalib.pixels.encode import Encoder
from streamcalib.rowfacts import COLUMNS
from streamcalib.stores.npy import NpyStore

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 600


@pytest.fixture
def store(tmp_path) -> NpyStore:
    store = NpyStore(path=tmp_path / "rows.npy", rows=COUNT, row_shape=(3, 2, 2), dtype="uint8")
    store.create()
    with store.writer() as writer:
        writer.write(0, np.random.default_rng(1).integers(0, 256, (COUNT, 3, 2, 2), np.uint8))
    return store


@pytest.fixture
def columns(store) -> np.ndarray:
    columns = np.zeros(COUNT, COLUMNS)
    columns["row_crc32c"] = checksums(np.ascontiguousarray(store.read().array))
    columns["done"] = 1
    return columns


def damage(store: NpyStore, *rows: int) -> None:
    with store.writer() as writer:
        for row in rows:
            writer.write(row, np.full((3, 2, 2), 7, np.uint8))


def found(store: NpyStore, columns: np.ndarray, **options: bool) -> list[int]:
    return damaged_rows(store, columns, "row_crc32c", **options).tolist()


def test_sound_rows_are_not_told_of(store, columns, caplog):
    """Nor are those that are not done, whatever is in them."""
    columns["done"][100:] = 0
    damage(store, *range(100, 200))
    assert found(store, columns) == []
    assert found(store, columns, all_rows=True) == []
    columns["done"] = 0
    assert found(store, columns) == []
    assert caplog.messages == []


def test_one_wrong_row_of_the_sample_has_all_looked_at(store, columns, caplog):
    """The first and the last one are always of the sample."""
    sample = set(np.linspace(0, COUNT - 1, 256).astype(int).tolist())
    unseen = next(row for row in range(COUNT) if row not in sample)
    damage(store, unseen)
    assert found(store, columns) == []
    assert found(store, columns, all_rows=True) == [unseen]
    damage(store, 0)
    assert found(store, columns) == [0, unseen]
    damage(store, COUNT - 1)
    assert found(store, columns) == [0, unseen, COUNT - 1]
    assert "3 rows of the unfinished build did not hold what was written" in caplog.messages[-1]


def test_large_rows_are_read_a_few_at_a_time(store, columns, monkeypatch):
    """Memory does not grow with the set."""
    monkeypatch.setattr(kept, "_READ_BYTES", 100)
    damage(store, 3, 599)
    assert found(store, columns, all_rows=True) == [3, 599]


def build_of(recipe: Recipe, staged: str) -> SimpleNamespace:
    return SimpleNamespace(recipe=recipe, plan=SimpleNamespace(staged=staged))


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1000),
    dtype=st.sampled_from(["float32", "float16", "uint8"]),
    layout=st.sampled_from(["NCHW", "NHWC"]),
    staged=st.sampled_from(["final", "uint8"]),
    limits=st.tuples(st.integers(0, 255), st.integers(0, 255)).map(sorted),
)
def test_the_range_of_rows_is_that_of_their_canvases(seed, dtype, layout, staged, limits):
    """Found anew from what is stored, whatever that is."""
    recipe = replace(Recipe.yolo11(4, dtype=dtype), layout=layout)
    shape = (5, 3, 4, 4)
    canvases = np.random.default_rng(seed).integers(limits[0], limits[1] + 1, shape, np.uint8)
    stored = canvases
    if staged == "final":
        stored = np.empty((5, *recipe.row_shape), recipe.dtype)
        Encoder(recipe).encode(canvases, stored)
    low, high = channel_extremes(stored, build_of(recipe, staged))
    assert low.tolist() == canvases.min(axis=(0, 2, 3)).tolist()
    assert high.tolist() == canvases.max(axis=(0, 2, 3)).tolist()


def test_the_range_is_that_of_the_rows_asked_for(store, monkeypatch):
    """Of none, it is that of nothing."""
    monkeypatch.setattr(kept, "_READ_BYTES", 100)
    build = build_of(Recipe.yolo11(2, dtype="uint8"), "uint8")
    rows = np.array([3, 77, 400])
    low, high = extremes(store, rows, build)
    assert low.tolist() == store.read().array[rows].min(axis=(0, 2, 3)).tolist()
    assert high.tolist() == store.read().array[rows].max(axis=(0, 2, 3)).tolist()
    low, high = extremes(store, rows[:0], build)
    assert (low.tolist(), high.tolist()) == ([255] * 3, [0] * 3)


@pytest.fixture
def files(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", 6)


def known(files: list[Path]) -> np.ndarray:
    columns = np.zeros(len(files), COLUMNS)
    for column, path in zip(columns, files, strict=True):
        column["bytes"], column["stamp"] = path.stat().st_size, path.stat().st_mtime_ns
    columns["done"] = 1
    return columns


def test_a_changed_image_is_one_of_another_size_or_time(files, monkeypatch):
    """To the nanosecond; one that is gone, or was not done, is none."""
    monkeypatch.setattr(kept, "_LOOKED_AT_ONCE", 2)
    columns = known(files)
    columns["done"][5] = 0
    images = ImageList.of(files)
    assert changed_sources(images, columns).tolist() == []
    then = files[1].stat().st_mtime_ns
    os.utime(files[1], ns=(then, then + 1))
    size_only = files[2].stat().st_mtime_ns
    files[2].write_bytes(b"other")
    os.utime(files[2], ns=(size_only, size_only))
    files[3].unlink()
    files[4].unlink()
    files[4].mkdir()
    os.utime(files[5], (1, 1))
    assert changed_sources(images, columns).tolist() == [1, 2, 4]


def test_paths_that_no_system_takes_are_no_defect(files):
    """A NUL or an endless name in a list is a matter of its image."""
    images = ImageList(["a\0b", "x" * 5000])
    assert changed_sources(images, known(files[:2])).tolist() == []


def test_an_image_that_is_found_elsewhere_now_is_another(tmp_path, files):
    """A list's relative paths may lead to another folder than before."""
    columns = known(files)
    other = tmp_path / "other"
    other.mkdir()
    (other / files[0].name).write_bytes(smallsets.jpeg(50))
    images = ImageList([path.name for path in files], bases=(other, files[0].parent))
    assert changed_sources(images, columns).tolist() == [0]
