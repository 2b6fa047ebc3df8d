"""The ``.npy`` store, as numpy reads it."""

from __future__ import annotations

import errno
import io
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib import format as npy_format

from streamcalib.stores.npy import HEADER_BYTES, NpyStore, npy_header

DTYPES = ("float32", "float16", "uint8")


@pytest.fixture
def store(tmp_path) -> NpyStore:
    store = NpyStore(path=tmp_path / "rows.npy", rows=7, row_shape=(3, 4, 5), dtype="float32")
    store.create()
    return store


def values(store: NpyStore) -> np.ndarray:
    shape = (store.rows, *store.row_shape)
    return np.random.default_rng(5).random(shape).astype(store.dtype)


def fill(store: NpyStore) -> np.ndarray:
    made = values(store)
    with store.writer() as writer:
        for index in (3, 0, 6, 1, 5, 2, 4):
            writer.write(index, made[index])
    return made


@given(
    shape=st.lists(st.integers(0, 10**15), max_size=6).map(tuple),
    dtype=st.sampled_from((*DTYPES, ">f4", "int64", "bool")),
)
def test_the_header_is_one_page_and_says_shape_and_dtype(shape, dtype):
    """Whatever the shape, the header has 4096 bytes, ends its line, and numpy reads it back."""
    header = npy_header(shape, np.dtype(dtype))
    assert len(header) == HEADER_BYTES == 4096
    assert header.endswith(b"\n")
    file = io.BytesIO(header)
    assert npy_format.read_magic(file) == (1, 0)
    assert npy_format.read_array_header_1_0(file) == (shape, False, np.dtype(dtype))
    assert file.tell() == HEADER_BYTES


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_new_store_has_its_final_size_and_reads_as_zeros(tmp_path, dtype):
    """Creating allocates the file; rows that nobody wrote are zero."""
    store = NpyStore(path=tmp_path / "rows.npy", rows=3, row_shape=(2, 5), dtype=dtype)
    store.create()
    assert store.path.stat().st_size == store.file_bytes == 4096 + 30 * np.dtype(dtype).itemsize
    read = np.load(store.path, allow_pickle=False)
    assert (read.shape, read.dtype) == ((3, 2, 5), np.dtype(dtype))
    assert not read.any()


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_rows_written_in_any_order_are_read_by_numpy(store, mmap_mode):
    """``numpy.load`` gives every row at its index, loaded or mapped."""
    made = fill(store)
    read = np.load(store.path, mmap_mode=mmap_mode, allow_pickle=False)
    assert isinstance(read, np.memmap) == (mmap_mode == "r")
    np.testing.assert_array_equal(read, made)


def test_rows_begin_at_the_second_page(store):
    """The bytes behind the header are the rows, so that they are mapped aligned."""
    made = fill(store)
    assert store.path.read_bytes()[4096:] == made.tobytes()
    assert store.read().array.ctypes.data % 4096 == 0


def test_reading_is_read_only(store):
    """Nobody changes a store by what `read` gives."""
    fill(store)
    with pytest.raises(ValueError, match="read-only"):
        store.read().array[0] = 1


def test_creating_replaces_what_is_there(store):
    """An old file, longer and full, leaves nothing behind."""
    store.path.write_bytes(b"\xff" * 100_000)
    store.create()
    assert store.path.stat().st_size == store.file_bytes
    assert not store.read().array.any()


def test_short_writes_are_continued(store, monkeypatch):
    """A row is whole even where the system takes a few bytes at a time."""
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: whole(file, data[:17], at))
    made = fill(store)
    np.testing.assert_array_equal(np.load(store.path), made)


def test_a_failing_write_is_raised(store, monkeypatch):
    """An error of the disk reaches the caller as it is."""

    def refuse(file, data, at):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(OSError, match="No space left") as caught:
        fill(store)
    assert caught.value.errno == errno.ENOSPC


def test_a_row_is_moved(store):
    """Moving copies one row over another and touches no third."""
    made = fill(store)
    store.move([6], [2])
    made[2] = made[6]
    np.testing.assert_array_equal(store.read().array, made)


@pytest.mark.parametrize("rows", [1, 4, 7])
def test_shortening_keeps_the_first_rows(store, rows):
    """The file is cut, its header says so, and what is returned knows it."""
    made = fill(store)
    shorter = store.shorten(rows)
    assert shorter.rows == rows
    assert store.path.stat().st_size == shorter.file_bytes
    np.testing.assert_array_equal(np.load(store.path, mmap_mode="r"), made[:rows])


def test_two_writers_do_not_disturb_each_other(store):
    """Workers hold the file open at the same time and write rows of their own."""
    made = values(store)
    with store.writer() as first, store.writer() as second:
        for index in range(store.rows):
            (first if index % 2 else second).write(index, made[index])
    np.testing.assert_array_equal(store.read().array, made)


def test_a_whole_store_is_reopened_as_it_is(store):
    """Not a byte of it changes."""
    fill(store)
    before = store.path.read_bytes()
    assert store.reopen().sum() == 7
    assert store.path.read_bytes() == before


@pytest.mark.parametrize("rows", [1, 4, 7])
def test_a_shortened_store_is_made_long_again(store, rows):
    """What is left is kept, the header says all rows again, and the rest is zero."""
    made = fill(store)
    store.shorten(rows)
    assert store.reopen().sum() == rows
    assert store.path.stat().st_size == store.file_bytes
    read = store.read().array
    np.testing.assert_array_equal(read[:rows], made[:rows])
    assert not read[rows:].any()


def test_a_store_that_was_about_to_be_shortened_has_kept_all(store):
    """Its header may be that of the shorter one while no row is gone yet."""
    made = fill(store)
    shorter = replace(store, rows=3)
    with store.path.open("r+b") as file:
        file.write(npy_header((3, *store.row_shape), np.dtype(store.dtype)))
    assert shorter.read().shape[0] == 3
    assert store.reopen().sum() == 7
    np.testing.assert_array_equal(store.read().array, made)


@given(data=st.data())
def test_a_cut_store_has_kept_its_whole_rows(data):
    """Wherever it was cut, a row that is not whole is not kept."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        store = NpyStore(path=path, rows=7, row_shape=(3, 4, 5), dtype="float32")
        store.create()
        made = fill(store)
        size = data.draw(st.integers(0, store.file_bytes))
        os.truncate(path, size)
        kept = int(store.reopen().sum())
        assert kept == max(0, size - HEADER_BYTES) // store.row_bytes
        read = store.read().array
        assert read.shape == made.shape
        np.testing.assert_array_equal(read[:kept], made[:kept])


@pytest.mark.parametrize(
    "other",
    [{"row_shape": (3, 5, 4)}, {"row_shape": (3, 4)}, {"dtype": "float16"}, {"rows": 8}],
    ids=["shape", "axes", "dtype", "longer"],
)
def test_a_store_of_other_rows_has_kept_none(store, other):
    """It is replaced, and what was in it is gone."""
    different = replace(store, **other)
    different.create()
    fill_with_ones(different)
    assert store.reopen().sum() == 0
    assert store.path.stat().st_size == store.file_bytes
    assert not store.read().array.any()


@pytest.mark.parametrize(
    "content",
    [None, b"", b"\x93NUMPY", b"x" * 9000, b"\x93NUMPY\x01\x00" + b"\xff" * 9000, b"0" * 5000],
)
def test_what_is_no_store_has_kept_none(store, content):
    """Nor has one that is missing."""
    store.path.unlink()
    if content is not None:
        store.path.write_bytes(content)
    assert store.reopen().sum() == 0
    assert store.path.stat().st_size == store.file_bytes


def test_a_store_that_grows_again_on_a_full_disk_says_so(store, monkeypatch):
    """The error reaches the caller, and what is kept is kept."""
    made = fill(store)
    store.shorten(3)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("reserve", "is_in_memory"):
        monkeypatch.setattr(f"streamcalib.stores.npy.{name}", refuse)
    with pytest.raises(OSError, match="No space left"):
        store.reopen()
    monkeypatch.undo()
    assert store.reopen().sum() == 3
    np.testing.assert_array_equal(store.read().array[:3], made[:3])


def fill_with_ones(store: NpyStore) -> None:
    with store.writer() as writer:
        writer.write(0, np.ones((store.rows, *store.row_shape), store.dtype))
