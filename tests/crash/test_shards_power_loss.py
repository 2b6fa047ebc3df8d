"""Power cuts while shards are written: no row is claimed that could be lost in any of its files."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

import smallsets
from streamcalib import build
from streamcalib.building import pace
from streamcalib.errors import BadImagesError
from streamcalib.journal import Journal
from streamcalib.stores import sharding
from streamcalib.stores.objects import FolderObjects
from streamcalib.stores.sharding import ABSENT, decode_index, index_bytes
from unfinished import restore, spoil

pytestmark = pytest.mark.crash

ROWS = 240
FOLDER = "rows.zarr"


class Disk:
    """What surely survives of a folder of shards: synced bytes, under names that were synced.

    A name that was given after the folder's last sync may or may not be there after a power cut;
    what it was before may be there instead. Claims have to hold either way.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.wrong: list[str] = []
        self.claims = self.replaced = 0
        self._claimed: set[int] = set()
        self._bytes: dict[int, bytearray] = {}
        self._synced: dict[int, int] = {}
        self._names: dict[str, int] = {}
        self._maybe: dict[str, set[int]] = {}
        self._lock = threading.RLock()
        self._layout = None
        self._watch_files(patch)
        self._watch_names(patch)
        commit = Journal.commit

        def committed(journal: Journal, make_durable) -> None:
            rows = {int(row) for block in journal._pending for row in block[:, 0]}

            def durable() -> None:
                make_durable()
                with self._lock:
                    self._claimed |= rows
                    self.claims += bool(rows)
                    self._check(self._claimed, "a claim")

            commit(journal, durable)

        patch.setattr(Journal, "commit", committed)

    def _watch_files(self, patch: pytest.MonkeyPatch) -> None:
        write, syncs = os.write, {name: getattr(os, name) for name in ("fdatasync", "fsync")}

        def written(file: int, data) -> int:
            size = write(file, data)
            if in_folder(file):
                with self._lock:
                    inode = os.fstat(file).st_ino
                    self._bytes.setdefault(inode, bytearray()).extend(memoryview(data)[:size])
            return size

        def synced(name: str):
            def sync(file: int) -> None:
                inode = os.fstat(file).st_ino
                with self._lock:
                    # What is written while it is under way may not be part of it.
                    size, names = len(self._bytes.get(inode, b"")), dict(self._names)
                syncs[name](file)
                with self._lock:
                    if is_folder(file):
                        self._maybe = {key: {value} for key, value in names.items()}
                        for key, value in self._names.items():
                            self._maybe.setdefault(key, set()).add(value)
                            if key not in names:
                                self._maybe[key].add(-1)
                    elif in_folder(file):
                        self._synced[inode] = max(size, self._synced.get(inode, 0))

            return sync

        patch.setattr(os, "write", written)
        for name in syncs:
            patch.setattr(os, name, synced(name))

    def _watch_names(self, patch: pytest.MonkeyPatch) -> None:
        replace, create = Path.replace, FolderObjects.create

        def replaced(path: Path, target: Path) -> Path:
            with self._lock:
                if path.parent.name == FOLDER:
                    inode, name = path.stat().st_ino, Path(target).name
                    self.replaced += name in self._names
                    # Not there at all is what it may still be, if it never was synced.
                    self._maybe.setdefault(name, {-1}).add(inode)
                    self._names[name] = inode
                    self._check({r for r in self._claimed if self._name(r) == name}, "a new name")
                return replace(path, target)

        def created(objects: FolderObjects, name: str, behind=None):
            new = create(objects, name, behind)
            with self._lock:
                # A file that is gone leaves its number to another one.
                inode = os.fstat(new._file).st_ino
                self._bytes[inode], self._synced[inode] = bytearray(), 0
            return new

        patch.setattr(Path, "replace", replaced)
        patch.setattr(FolderObjects, "create", created)

    def watch(self, layout) -> None:
        self._layout = layout

    def _name(self, row: int) -> str:
        return self._layout.shard_name(row // self._layout.sharding.shard_rows)

    def _check(self, rows: set[int], when: str) -> None:
        lost = [row for row in sorted(rows) if not self._survives(row)]
        if lost:
            self.wrong.append(f"at {when} rows {lost} may be lost")

    def _survives(self, row: int) -> bool:
        sharding_ = self._layout.sharding
        return all(
            inode >= 0 and self._holds(inode, row % sharding_.shard_rows // sharding_.chunk_rows)
            for inode in self._maybe.get(self._name(row), {-1})
        )

    def _holds(self, inode: int, chunk: int) -> bool:
        data = bytes(self._bytes[inode])
        if self._synced.get(inode, 0) < len(data):
            return False
        chunks = self._layout.sharding.chunks
        return decode_index(data[-index_bytes(chunks) :], chunks, len(data))[chunk] != ABSENT


def in_folder(file: int) -> bool:
    return Path(f"/proc/self/fd/{file}").readlink().parent.name == FOLDER


def is_folder(file: int) -> bool:
    return Path(f"/proc/self/fd/{file}").readlink().name == FOLDER


@pytest.mark.parametrize("chunk_rows", [1, 3])
def test_every_claimed_row_survives(tmp_path, monkeypatch, chunk_rows):
    """At every claim, and whenever a shard is replaced by one that holds more."""
    monkeypatch.setattr(sharding, "_CHUNK_BYTES", chunk_rows * 3 * 16 * 16)
    monkeypatch.setattr(sharding, "_LEAST_SHARDS", 20)
    monkeypatch.setattr("streamcalib.journal._LEAST_SECONDS", 0)
    monkeypatch.setattr("streamcalib.journal._TIMES_ITS_COST", 0)
    monkeypatch.setattr(pace, "_TASK_SECONDS", 0.002)
    monkeypatch.setattr(pace, "_LEAST_SECONDS", 0.001)
    paths = smallsets.make_images(tmp_path / "images", ROWS)
    how = {"recipe": smallsets.RECIPE, "jobs": 2, "backend": "threading"}
    expected = build(paths, tmp_path / "expected.zarr", **how)
    disk = Disk(monkeypatch)
    disk.watch(expected.values().stored._reader._layout)
    before = spoil(paths[row] for row in range(5, ROWS, 17))
    with pytest.raises(BadImagesError):
        build(paths, tmp_path / "calib.zarr", **how)
    restore(before)
    made = build(paths, tmp_path / "calib.zarr", **how)
    assert disk.wrong == []
    assert disk.claims > 5
    assert disk.replaced >= len(before)
    assert disk._claimed == set(range(ROWS))
    np.testing.assert_array_equal(made.rows(0, ROWS), smallsets.rows(paths))
