"""Power cuts: the journal claims no row whose bytes are not on disk, and goes on from what is."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import smallsets
from streamcalib import build
from streamcalib.building import pace
from streamcalib.journal import Journal
from streamcalib.stores.npy import HEADER_BYTES

pytestmark = pytest.mark.crash

ROWS = 240
"""So few that all that are kept are looked at when a build goes on."""
COPIES = 4


class Event(NamedTuple):
    """What happened: ``write`` of bytes (done), ``sync`` (begun) or ``claim`` of rows (begun)."""

    kind: str
    what: frozenset[int] | range


class Recorder:
    """Notes in which order a build writes, syncs and claims, and copies its journal at claims."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.events: list[Event] = []
        self.copies: dict[int, Path] = {}
        self._folder = folder
        self._lock = threading.Lock()
        pwrite, commit = os.pwrite, Journal.commit

        def written(file: int, data, offset: int) -> int:
            size = pwrite(file, data, offset)
            self._note("write", range(offset, offset + size), file)
            return size

        def synced(sync):
            def begun(file: int) -> None:
                self._note("sync", range(0), file)
                sync(file)

            return begun

        def committed(journal: Journal, make_durable) -> None:
            rows = frozenset(int(row) for block in journal._pending for row in block[:, 0])

            def durable() -> None:
                make_durable()
                self._note("claim", rows)

            commit(journal, durable)
            if rows:
                self._copy(journal._path)

        patch.setattr(os, "pwrite", written)
        patch.setattr(os, "fdatasync", synced(os.fdatasync))
        patch.setattr(os, "fsync", synced(os.fsync))
        patch.setattr(Journal, "commit", committed)

    def _note(self, kind: str, what: frozenset[int] | range, file: int | None = None) -> None:
        if file is None or Path(f"/proc/self/fd/{file}").readlink().name == "rows.npy":
            with self._lock:
                self.events.append(Event(kind, what))

    def _copy(self, journal: Path) -> None:
        place = self._folder / str(len(self.events))
        place.mkdir(parents=True)
        for path in journal.parent.glob("journal.sqlite*"):
            shutil.copy(path, place / path.name)
        self.copies[len(self.events)] = place


def synced_bytes(events: list[Event], size: int) -> np.ndarray:
    """Return which bytes of the file are surely on disk: written before the last sync began."""
    last = max(n for n, event in enumerate(events) if event.kind == "sync")
    there = np.zeros(size, bool)
    there[:HEADER_BYTES] = True
    for event in events[:last]:
        if event.kind == "write":
            there[event.what.start : event.what.stop] = True
    return there


@pytest.fixture
def quick(monkeypatch) -> None:
    monkeypatch.setattr("streamcalib.journal._LEAST_SECONDS", 0)
    monkeypatch.setattr("streamcalib.journal._TIMES_ITS_COST", 0)
    monkeypatch.setattr(pace, "_TASK_SECONDS", 0.002)
    monkeypatch.setattr(pace, "_LEAST_SECONDS", 0.001)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(params=["final", "uint8"])
def recorded(request, tmp_path, quick):
    """A build that was watched: its recorder, its output, and how to build the same elsewhere."""
    paths = smallsets.make_images(tmp_path / "images", ROWS)
    how = {"recipe": smallsets.RECIPE, "jobs": 2, "backend": "threading", "store": request.param}
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(patch, tmp_path / "copies")
        made = build(paths, tmp_path / "calib.npy", **how)
    return recorder, made.path, lambda out: build(paths, out, **how)


def row_bytes(out: Path) -> int:
    return (out.stat().st_size - HEADER_BYTES) // ROWS


def test_every_claimed_row_was_synced_before(recorded):
    """Whenever the power is cut, the rows that the journal knows are on disk."""
    recorder, out, _ = recorded
    size, claimed, claims = row_bytes(out), set(), 0
    for n, event in enumerate(recorder.events):
        if event.kind != "claim":
            continue
        claims += 1
        there = synced_bytes(recorder.events[:n], out.stat().st_size)[HEADER_BYTES:]
        whole = there.reshape(ROWS, size).all(axis=1)
        assert set(event.what) <= set(np.flatnonzero(whole).tolist())
        claimed |= event.what
    assert claimed == set(range(ROWS))
    assert claims > COPIES


def survive(copy: Path, out: Path, data: np.ndarray) -> None:
    """Lay down what a power cut has left for a build of ``out``: its rows' file and journal."""
    staging = out.with_name(out.name + ".build")
    staging.mkdir(parents=True)
    data.tofile(staging / "rows.npy")
    for path in copy.iterdir():
        shutil.copy(path, staging / path.name)


def test_a_build_goes_on_from_what_is_on_disk(recorded, tmp_path, caplog):
    """Of what was not synced all is lost; every row claimed is kept, and the bytes are the same."""
    recorder, out, build_again = recorded
    moments = sorted(recorder.copies)
    for moment in moments[:: max(1, len(moments) // COPIES)]:
        there = synced_bytes(recorder.events[:moment], out.stat().st_size)
        data = np.where(there, np.fromfile(out, np.uint8), 0).astype(np.uint8)
        again = tmp_path / f"cut{moment}" / "calib.npy"
        survive(recorder.copies[moment], again, data)
        claims = [event.what for event in recorder.events[:moment] if event.kind == "claim"]
        known = len(frozenset().union(*claims))
        caplog.clear()
        with caplog.at_level(logging.INFO, "streamcalib"):
            build_again(again)
        assert f"{known} of {ROWS} rows kept" in caplog.messages
        assert sha256(again) == sha256(out)


def test_rows_that_the_disk_lost_all_the_same_are_not_kept(recorded, tmp_path, caplog):
    """A disk that says it has synced and has not: zeros in place of claimed rows are found."""
    recorder, out, build_again = recorded
    moment = max(recorder.copies)
    size, data = row_bytes(out), np.fromfile(out, np.uint8)
    lost = [0, 7, ROWS - 1]
    for row in lost:
        data[HEADER_BYTES + row * size : HEADER_BYTES + (row + 1) * size] = 0
    again = tmp_path / "lied" / "calib.npy"
    survive(recorder.copies[moment], again, data)
    with caplog.at_level(logging.INFO, "streamcalib"):
        build_again(again)
    assert f"{ROWS - len(lost)} of {ROWS} rows kept; 3 rows to be made again" in caplog.messages
    assert any("did not hold what was written" in message for message in caplog.messages)
    assert sha256(again) == sha256(out)
