"""Advice on mapped rows: what may be forgotten leaves the page cache, and nothing depends on it."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from pagecache import keeps_pages, resident_bytes
from streamcalib.stores.mapped import RowMapping

ROWS, ROW_BYTES = 100, 50_000
MB = 10**6


@pytest.fixture
def rows(tmp_path) -> np.memmap:
    """5 MB of rows that are on disk, mapped, and touched."""
    path = tmp_path / "rows.bin"
    path.write_bytes(np.arange(ROWS * ROW_BYTES // 4, dtype=np.uint32).tobytes())
    with path.open("rb") as file:
        os.fsync(file.fileno())
    mapped = np.memmap(path, np.uint8, "r", 4096, shape=(ROWS - 1, ROW_BYTES))
    mapped.sum()
    return mapped


def test_dropped_rows_leave_the_page_cache(tmp_path):
    """Those and no others, but for what the cache holds in one piece; they read the same again."""
    values = np.arange(20 * MB // 4, dtype=np.uint32).reshape(400, -1)
    np.save(tmp_path / "rows.npy", values)
    with (tmp_path / "rows.npy").open("rb") as file:
        os.fsync(file.fileno())
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert int(rows.sum(dtype=np.uint64)) == int(values.sum(dtype=np.uint64))
    mapping = RowMapping(rows)
    for start in range(0, 200, 20):
        mapping.drop(start, start + 20)
    if keeps_pages(tmp_path):
        assert 6 * MB < resident_bytes(rows.filename) < 14 * MB
    for start in range(200, 400, 20):
        mapping.drop(start, start + 20)
    if keeps_pages(tmp_path):
        assert resident_bytes(rows.filename) < 2 * MB
    np.testing.assert_array_equal(rows, values)


@pytest.mark.parametrize("bounds", [(0, sys.maxsize), (98, 2**50), (99, 200), (5, 5)])
def test_rows_beyond_the_end_are_none(rows, bounds):
    """Whatever is asked for, only rows that are there are advised on."""
    mapping = RowMapping(rows)
    mapping.read_ahead(*bounds)
    mapping.drop(*bounds)
    assert (
        rows[98, -1]
        == np.frombuffer(Path(rows.filename).read_bytes(), np.uint8)[4096 + 99 * ROW_BYTES - 1]
    )


def test_a_file_that_is_gone_is_still_mapped(rows):
    """Rows can be read after their file was removed, and advice does no harm."""
    Path(rows.filename).unlink()
    mapping = RowMapping(rows)
    mapping.drop(0, 10)
    mapping.read_ahead(0, 10)
    assert rows[0, 0] == 0


def test_rows_in_memory_need_no_advice():
    """An array that is not mapped is left alone; so is an empty one."""
    for array in (np.zeros((3, 4), np.uint8), np.zeros((0, 4), np.uint8)):
        mapping = RowMapping(array)
        assert mapping._span(0, 3) is None
        mapping.drop(0, 3)
        mapping.read_ahead(0, 3)
        assert not array.any()


def test_a_system_without_advice(rows, monkeypatch):
    """Where mmap has no such names, rows are read as ever."""
    for name in ("MADV_DONTNEED", "MADV_WILLNEED"):
        monkeypatch.delattr(mmap, name)
    RowMapping(rows).drop(0, 10)
    RowMapping(rows).read_ahead(0, 10)
    assert rows[3, 3] == rows[3, 3]
