"""Indexes on disk: made once, shared, and never trusted."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from strangers import open_folder, said_to_a_stranger
from streamcalib.images.archives import cache
from streamcalib.images.archives.cache import cache_folder, index_of
from streamcalib.images.archives.index import Member

IDENTITY = bytes(32)
MEMBER = Member("a.jpg", 1, 2, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Where indexes are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "streamcalib" / "archives"


class Scans:
    """Yields a member, and counts how often it was asked for."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self):
        self.count += 1
        yield MEMBER


def test_an_archive_is_scanned_once(folder):
    """The second time the index is read from the cache; for another archive it is made anew."""
    scans = Scans()
    for _ in range(2):
        assert index_of("/a.zip", IDENTITY, scans).find("a.jpg") == MEMBER
    assert scans.count == 1
    index_of("/a.zip", bytes([1] * 32), scans)
    index_of("/b.zip", IDENTITY, scans)
    assert scans.count == 3
    assert len(list(folder.iterdir())) == 2, "one file an archive, and nothing else"


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "folder", "device", "pipe"])
def test_what_is_no_index_is_made_anew(folder, damage):
    """Whatever stands in its place."""
    scans = Scans()
    index_of("/a.zip", IDENTITY, scans)
    (path,) = folder.iterdir()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "device":
        path.symlink_to("/dev/zero")
    elif damage == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes({"cut": data[:-2], "changed": data, "empty": b""}[damage])
    assert index_of("/a.zip", IDENTITY, scans).find("a.jpg") == MEMBER
    assert scans.count == 2


def test_where_nothing_can_be_kept_the_index_is_the_process_own():
    """A cache that may not be written, or none, is no error."""
    with open_folder() as folder:
        folder.chmod(0o555)
        said = said_to_a_stranger(
            f"os.environ['XDG_CACHE_HOME'] = {str(folder)!r}\n"
            "print(len(index_of('/a.zip', bytes(32), lambda: [Member('a', 1, 2, 3)])))",
            imports="from streamcalib.images.archives.cache import index_of\n"
            "from streamcalib.images.archives.index import Member\n",
        )
        assert said == "1"
        assert list(folder.iterdir()) == []


def test_without_a_home_there_is_no_cache(monkeypatch):
    """Nor does a relative folder count, as XDG has it."""
    assert cache_folder({"XDG_CACHE_HOME": "/some/cache"}) == Path("/some/cache/streamcalib")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder({"XDG_CACHE_HOME": "rel"}) == Path("/home/me/.cache/streamcalib")

    def no_home(path):
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "expanduser", no_home)
    assert cache_folder({}) is None
    monkeypatch.setattr(cache, "cache_folder", lambda environment: None)
    assert len(index_of("/a.zip", IDENTITY, Scans())) == 1


def test_an_archive_that_is_none_leaves_nothing(folder):
    """The reason passes through, and the next one is not kept waiting."""

    def scan():
        raise ValueError("it is no zip")
        yield

    for _ in range(2):
        with pytest.raises(ValueError, match="it is no zip"):
            index_of("/a.zip", IDENTITY, scan)
    assert list(folder.iterdir()) == []


def test_others_wait_for_the_first_scan(folder):
    """Of many that need an index at the same moment, one makes it."""
    begun, go = threading.Event(), threading.Event()
    scans = Scans()

    def slow():
        begun.set()
        assert go.wait(30)
        return scans()

    first = threading.Thread(target=index_of, args=("/a.zip", IDENTITY, slow))
    first.start()
    assert begun.wait(30)
    found: list[int] = []
    second = threading.Thread(target=lambda: found.append(len(index_of("/a.zip", IDENTITY, scans))))
    second.start()
    go.set()
    for thread in (first, second):
        thread.join(30)
    assert (found, scans.count) == ([1], 1)
