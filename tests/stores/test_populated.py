"""Files in memory, written through mappings: the same bytes, and no death where memory ends."""

from __future__ import annotations

import ctypes
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import smallsets
from streamcalib import build
from streamcalib.building import crew
from streamcalib.stores import npy, populated, writeback
from streamcalib.stores.filesystem import file_system, is_in_memory
from streamcalib.stores.npy import NpyStore
from streamcalib.stores.populated import PopulatedFile

ROWS = 64


@pytest.fixture
def folder():
    """A folder in memory, as Linux has one."""
    shared = Path("/dev/shm")
    if not is_in_memory(file_system(shared)):
        pytest.skip("there is no file system in memory at /dev/shm")
    with TemporaryDirectory(dir=shared, prefix="streamcalib-test-") as made:
        yield Path(made)


@pytest.fixture
def store(folder) -> NpyStore:
    made = NpyStore(path=folder / "a.npy", rows=ROWS, row_shape=(5, 1001), dtype="uint8")
    made.create()
    return made


def rows_of(store: NpyStore) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (store.rows, *store.row_shape), np.uint8)


def test_many_writers_write_what_one_would(store):
    """Rows, parts of rows and several rows at once, at places that are no pages' edges."""
    rows = rows_of(store)

    def write(first: int) -> None:
        with store.writer(mapped=True) as writer:
            assert writer._populated is not None
            writer.write(first, rows[first : first + 2])
            for line in range(5):
                writer.write_part(first + 2, line * 1001, rows[first + 2, line])
            writer.write(first + 3, rows[first + 3])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(0, ROWS, 4)))
    np.testing.assert_array_equal(np.load(store.path), rows)


def test_space_is_taken_as_it_is_written(store, folder):
    """Reserving page after page in one thread would take as long as writing does."""
    assert store.path.stat().st_blocks * 512 < 10_000
    with store.writer(mapped=True) as writer:
        writer.write(0, rows_of(store)[0])
    assert 5005 <= store.path.stat().st_blocks * 512 < 20_000


def test_more_than_is_free_is_refused_at_once(folder):
    """Before a row is made."""
    free = os.statvfs(folder)
    too_many = free.f_bavail * free.f_frsize // 10**6 + 2
    with pytest.raises(OSError, match="No space left"):
        NpyStore(path=folder / "a", rows=too_many, row_shape=(10**6,), dtype="uint8").create()


def answering(codes: list[int]):
    """A madvise that fails so often, and then does nothing and succeeds."""

    def call(*_arguments) -> int:
        if not codes:
            return 0
        ctypes.set_errno(codes.pop(0))
        return -1

    return call


@pytest.mark.parametrize("codes", [[], [errno.EINTR, errno.EAGAIN]])
def test_what_passes_is_tried_again(store, monkeypatch, codes):
    """A signal in between is no error."""
    monkeypatch.setattr(populated, "libc_function", lambda name: answering(codes))
    with store.writer(mapped=True) as writer:
        writer.write(0, rows_of(store)[:1])
        assert writer._populated is not None
    assert np.load(store.path)[0].tolist() == rows_of(store)[0].tolist()


def test_few_writers_write_as_everywhere(store):
    """Alone, a call is cheaper than the faults of a mapping."""
    with store.writer() as writer:
        assert writer._populated is None
        writer.write(0, rows_of(store))
    np.testing.assert_array_equal(np.load(store.path), rows_of(store))


def test_an_older_system_writes_the_same(store, monkeypatch):
    """Linux before 5.14 does not know this advice: rows are then written as everywhere."""
    monkeypatch.setattr(populated, "libc_function", lambda name: answering([errno.EINVAL]))
    with store.writer(mapped=True) as writer:
        writer.write(0, rows_of(store))
        assert writer._populated is None
    np.testing.assert_array_equal(np.load(store.path), rows_of(store))


@pytest.mark.parametrize(
    ("code", "says"), [(errno.EFAULT, "No space left"), (errno.ENOMEM, "Cannot allocate")]
)
def test_a_page_that_cannot_be_had_is_an_error(store, monkeypatch, code, says):
    """Not a signal that kills the process."""
    monkeypatch.setattr(populated, "libc_function", lambda name: answering([code]))
    with store.writer(mapped=True) as writer, pytest.raises(OSError, match=says):
        writer.write(0, rows_of(store)[:1])


def test_a_mapping_is_no_longer_than_its_writer(store):
    """Nothing keeps the file once writers are gone."""
    file = os.open(store.path, os.O_RDWR)
    mapped = PopulatedFile(file)
    os.close(file)
    assert mapped.write(memoryview(b"abc"), 4096)
    del mapped
    assert store.path.read_bytes()[4096:4099] == b"abc"
    assert "a.npy" not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("options", [{"jobs": 1}, {"jobs": 2}, {"jobs": 3, "backend": "threading"}])
@pytest.mark.parametrize("many", [2, 8])
def test_a_set_in_memory_is_the_set_on_disk(folder, tmp_path, monkeypatch, options, many):
    """To the last byte, whatever the workers, and whether they count as many."""
    monkeypatch.setattr(crew, "_MANY_WORKERS", many)
    paths = smallsets.make_images(tmp_path / "images", 9)
    for name in ("a.npy", "a.npz"):
        recipe = smallsets.RECIPE
        there = build(paths, folder / name, recipe=recipe, **options)
        here = build(paths, tmp_path / name, recipe=recipe, jobs=1)
        assert there.path.read_bytes() == here.path.read_bytes()


def test_a_system_without_the_call_writes_the_same(store, monkeypatch):
    """Where the C library is not to be had."""
    for module in (npy, writeback):
        monkeypatch.setattr(module, "libc_function", lambda name: None)
    with store.writer(mapped=True) as writer:
        assert writer._populated is None
        writer.write(0, rows_of(store))
    np.testing.assert_array_equal(np.load(store.path), rows_of(store))
