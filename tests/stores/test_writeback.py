"""Write-behind: a bounded window, whatever the system lacks, and the same bytes."""

from __future__ import annotations

import ctypes
import errno
import logging
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecache import keeps_pages, resident_bytes
from streamcalib.stores import writeback
from streamcalib.stores.npy import NpyStore
from streamcalib.stores.writeback import Span, WriteBehind, drop_cached, reserve

MB = 10**6


@pytest.fixture
def calls(monkeypatch):
    """Record what would be pushed and dropped, in order."""
    made: list[tuple[str, Span]] = []

    def sync(file, span, flags):
        made.append(("push" if flags == writeback._WRITE else "wait", span))
        return True

    monkeypatch.setattr(writeback, "_sync_range", sync)
    monkeypatch.setattr(writeback, "drop_cached", lambda file, span: made.append(("drop", span)))
    return made


def test_ranges_are_pushed_at_once_and_dropped_behind_the_window(calls):
    """The oldest range goes as soon as more than the window would be held."""
    behind = WriteBehind(40 * MB)
    for number in range(5):
        behind.wrote(0, number * 10 * MB, 10 * MB)
    spans = [Span(number * 10 * MB, 10 * MB) for number in range(5)]
    pushed = [("push", span) for span in spans]
    assert calls == [*pushed, ("wait", spans[0]), ("drop", spans[0])]


def test_small_ranges_that_follow_each_other_are_pushed_together(calls):
    """A call to the system is worth a few megabytes."""
    behind = WriteBehind(100 * MB)
    for number in range(100):
        behind.wrote(0, number * MB // 10, MB // 10)
    assert [span.size for _, span in calls] == [84 * MB // 10]
    behind.push(0)
    assert sum(span.size for _, span in calls) == 10 * MB
    behind.push(0)
    assert len(calls) == 2


def test_a_gap_begins_another_range(calls):
    """Rows that do not follow each other are two ranges."""
    behind = WriteBehind(100 * MB)
    behind.wrote(0, 0, 5)
    behind.wrote(0, 100, 5)
    behind.push(0)
    assert calls == [("push", Span(0, 5)), ("push", Span(100, 5))]


@given(
    window=st.integers(1, 50 * MB),
    writes=st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 9 * MB)), max_size=60),
)
def test_no_more_is_held_than_the_window_and_what_is_being_written(window, writes):
    """Every byte is pushed once, is dropped at most once, after that, and the rest is bounded."""
    held, pushed, dropped = 0, [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            writeback,
            "_sync_range",
            lambda file, span, flags: (flags == writeback._WRITE and pushed.append(span)) or True,
        )
        patch.setattr(writeback, "drop_cached", lambda file, span: dropped.append(span))
        behind = WriteBehind(window)
        for offset, size in writes:
            behind.wrote(0, offset, size)
            held = sum(s.size for s in pushed) - sum(s.size for s in dropped)
            assert held <= window
        behind.push(0)
    assert sum(span.size for span in pushed) == sum(size for _, size in writes)
    assert dropped == pushed[: len(dropped)]


def test_the_page_cache_holds_the_window_and_no_more(tmp_path):
    """Of 64 MB written with a window of 8 MB, the cache keeps about the window."""
    store = NpyStore(path=tmp_path / "a.npy", rows=64, row_shape=(250_000,), dtype="float32")
    store.create()
    row = np.arange(250_000, dtype=np.float32)
    with store.writer(8 * MB) as writer:
        for index in range(64):
            writer.write(index, row + index)
    if keeps_pages(tmp_path) and writeback.libc_function("sync_file_range") is not None:
        assert resident_bytes(store.path) < 16 * MB
    assert np.array_equal(store.read().array[:, 0], np.arange(64))
    assert np.array_equal(store.read().array[63], row + 63)


@pytest.fixture
def bare_system(monkeypatch):
    """A system without any of the calls, as macOS and Windows are."""
    monkeypatch.setattr(writeback, "libc_function", lambda name: None)
    monkeypatch.delattr(os, "posix_fadvise", raising=False)


def test_a_system_without_the_calls_writes_the_same(tmp_path, bare_system):
    """Nothing is pushed or dropped, and every byte is there."""
    store = NpyStore(path=tmp_path / "a.npy", rows=9, row_shape=(1000,), dtype="uint8")
    store.create()
    assert store.path.stat().st_size == store.file_bytes
    with store.writer(1000) as writer:
        for index in range(9):
            writer.write(index, np.full(1000, index, np.uint8))
    assert store.read().array.sum(axis=1).tolist() == [1000 * index for index in range(9)]


def failing(code):
    def call(*_arguments):
        ctypes.set_errno(code)
        return -1

    return call


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EINVAL, errno.ESPIPE])
def test_a_file_system_without_the_calls_is_a_debug_line(tmp_path, monkeypatch, caplog, code):
    """What a file system does not know is not worth more than a line for whoever looks for it."""
    monkeypatch.setattr(writeback, "libc_function", lambda name: failing(code))
    caplog.set_level(logging.DEBUG, logger="streamcalib")
    with (tmp_path / "a").open("w+b") as file:
        behind = WriteBehind(10)
        behind.wrote(file.fileno(), 0, 5)
        behind.push(file.fileno())
    assert {record.levelname for record in caplog.records} == {"DEBUG"}
    assert "sync_file_range" in caplog.text


def test_a_disk_that_fails_is_an_error(tmp_path, monkeypatch):
    """An I/O error while a range is written back is not swallowed."""
    monkeypatch.setattr(writeback, "libc_function", lambda name: failing(errno.EIO))
    behind = WriteBehind(10)
    with (tmp_path / "a").open("w+b") as file, pytest.raises(OSError, match="Input/output error"):
        behind.wrote(file.fileno(), 0, 50)


def test_advice_that_is_refused_does_no_harm(tmp_path, monkeypatch, caplog):
    """What may stay in the cache may also stay there."""

    def refuse(*_arguments):
        raise OSError(errno.ESPIPE, "Illegal seek")

    monkeypatch.setattr(os, "posix_fadvise", refuse, raising=False)
    caplog.set_level(logging.DEBUG, logger="streamcalib")
    with (tmp_path / "a").open("w+b") as file:
        drop_cached(file.fileno(), Span(0, 10))
    assert "posix_fadvise" in caplog.text


def test_space_is_reserved_where_the_file_system_can(tmp_path):
    """The file has its size at once, reads as zeros, and on most systems owns its blocks."""
    with (tmp_path / "a").open("w+b") as file:
        reserve(file.fileno(), 2**20)
        status = os.fstat(file.fileno())
        assert status.st_size == 2**20
        assert not any(file.read())


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM])
def test_where_space_cannot_be_reserved_the_file_is_sparse(tmp_path, monkeypatch, code):
    """The size is right all the same."""
    monkeypatch.setattr(writeback, "libc_function", lambda name: failing(code))
    with (tmp_path / "a").open("w+b") as file:
        reserve(file.fileno(), 2**30)
        status = os.fstat(file.fileno())
    assert (status.st_size, status.st_blocks) == (2**30, 0)


def test_a_disk_that_is_too_small_is_an_error(tmp_path, monkeypatch):
    """Space that is not there is told, not left to the rows."""
    monkeypatch.setattr(writeback, "libc_function", lambda name: failing(errno.ENOSPC))
    with (tmp_path / "a").open("w+b") as file, pytest.raises(OSError, match="No space left"):
        reserve(file.fileno(), 2**30)


def test_a_signal_while_space_is_reserved_is_no_error(tmp_path, monkeypatch):
    """An interrupted call is made again; nothing else would."""
    codes = [errno.EINTR, errno.EINTR]

    def interrupted(*_arguments):
        if not codes:
            return 0
        ctypes.set_errno(codes.pop())
        return -1

    monkeypatch.setattr(writeback, "libc_function", lambda name: interrupted)
    with (tmp_path / "a").open("w+b") as file:
        reserve(file.fileno(), 2**20)
    assert codes == []
