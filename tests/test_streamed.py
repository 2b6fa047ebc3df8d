"""Rows streamed into files: in any number of threads, in parts, and stopped by what goes wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

from pagecache import keeps_pages, resident_bytes
from streamcalib.recipe import Recipe
from streamcalib.stores.npy import NpyStore
from streamcalib.stores.stored import MappedRows
from streamcalib.stores.writeback import WriteBehind
from streamcalib.streamed import Manner, write_npz, write_store
from streamcalib.values import RowValues

RECIPE = Recipe.yolo11(400)
ROWS = 41


@pytest.fixture
def canvases(generator) -> np.ndarray:
    """41 canvases of 400x400; four rows of values are a part, and 34 a stretch."""
    return generator.integers(0, 256, (ROWS, 3, 400, 400), np.uint8)


@pytest.fixture
def expected(canvases) -> np.ndarray:
    return RECIPE.lookup_table()[0][canvases]


def write(values: RowValues, path: Path, manner: Manner) -> list[int] | None:
    if path.suffix == ".npy":
        return write_store(values, npy(values, path), manner)
    return write_npz(values, path, manner, input_name="x", extra_inputs={})


def npy(values: RowValues, path: Path) -> NpyStore:
    return NpyStore(
        path=path, rows=len(values), row_shape=values.row_shape, dtype=values.dtype.name
    )


def manner(jobs: int, reached: list[int]) -> Manner:
    return Manner(jobs=jobs, window_bytes=10**7, on_rows=reached.append)


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("kind", ["uint8", "final"])
def test_every_row_is_written_once_in_its_place(canvases, expected, tmp_path, kind, suffix, jobs):
    """Encoded or copied, by however many threads, and counted as it is done."""
    values = RowValues(MappedRows(canvases if kind == "uint8" else expected), RECIPE, kind)
    reached: list[int] = []
    path = tmp_path / f"a.{suffix}"
    crcs = write(values, path, manner(jobs, reached))
    read = np.load(path)["x"] if suffix == "npz" else np.load(path)
    np.testing.assert_array_equal(read, expected)
    assert reached == sorted(reached)
    assert reached[-1] == ROWS
    assert len(reached) > 10
    if kind == "uint8":
        assert crcs == [google_crc32c.value(row.tobytes()) for row in expected]
    else:
        assert crcs is None


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("kind", ["uint8", "final"])
def test_what_was_read_leaves_the_page_cache(canvases, expected, tmp_path, kind, suffix):
    """But for pieces that two threads shared; so the cache is left to others."""
    rows = canvases if kind == "uint8" else expected
    dtype, source = rows.dtype.name, tmp_path / "source.npy"
    store = NpyStore(path=source, rows=ROWS, row_shape=rows.shape[1:], dtype=dtype)
    store.create()
    with store.writer() as writer:
        for index, row in enumerate(rows):
            writer.write(index, row)
    store.sync()
    before = resident_bytes(source)
    values = RowValues(store.read(), RECIPE, kind)
    write(values, tmp_path / f"a.{suffix}", manner(2, []))
    if keeps_pages(tmp_path):
        assert resident_bytes(source) < 0.5 * before


class BrokenValues(RowValues):
    """Values of which row 20 cannot be read, as of a disk with a bad block."""

    def read(self, start, stop, out=None):
        if start <= 20 < stop:
            raise OSError(5, "Input/output error")
        return super().read(start, stop, out)


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_an_error_in_a_thread_is_raised_where_the_caller_waits(canvases, tmp_path, suffix, jobs):
    """The error comes through, and no thread works on."""
    values = BrokenValues(MappedRows(canvases), RECIPE, "uint8")
    before = threading.active_count()
    with pytest.raises(OSError, match="Input/output error"):
        write(values, tmp_path / f"a.{suffix}", manner(jobs, []))
    assert threading.active_count() == before


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_caller_who_has_enough_ends_it(canvases, tmp_path, suffix):
    """An exception of the progress's own, such as Ctrl-C, stops the threads and passes through."""

    def enough(done: int) -> None:
        raise KeyboardInterrupt

    values = RowValues(MappedRows(canvases), RECIPE, "uint8")
    short = Manner(jobs=2, window_bytes=10**7, on_rows=enough)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        write(values, tmp_path / f"a.{suffix}", short)
    assert threading.active_count() == before


def test_an_error_behind_the_last_row_is_not_lost(canvases, tmp_path, monkeypatch):
    """A disk that fails while the last ranges are pushed to it fails the file."""

    def fail(self, file):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(WriteBehind, "wrote", lambda self, file, offset, size: None)
    monkeypatch.setattr(WriteBehind, "push", fail)
    values = RowValues(MappedRows(canvases), RECIPE, "uint8")
    with pytest.raises(OSError, match="Input/output error"):
        write_store(values, npy(values, tmp_path / "a.npy"), manner(2, []))
