"""Hashes made by workers, each once, and kept."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

import faults
import packed
import smallsets
from messages import text_of
from streamcalib.choosing.dedupe.cache import HashCache
from streamcalib.choosing.dedupe.hashes import hashes_of
from streamcalib.choosing.dedupe.hashing import perceptual_hash
from streamcalib.errors import StoppedError
from streamcalib.progress import Progress, ignore


@pytest.fixture
def places(tmp_path):
    """Seventy images as files and in an archive, and bad ones among them."""
    files = smallsets.make_images(tmp_path / "images", 60)
    contents = {f"in/{n}.jpg": smallsets.jpeg(100 + n) for n in range(10)}
    archive = packed.make_zip(tmp_path / "more.zip", contents)
    files[7].write_bytes(b"no image")
    files[8].unlink()
    return [*map(str, files), *(f"{archive}::{name}" for name in contents)]


class Told:
    """Remembers what was told of progress."""

    def __init__(self) -> None:
        self.all: list[Progress] = []

    def __call__(self, progress: Progress) -> None:
        self.all.append(progress)


@pytest.mark.parametrize("jobs", [1, 2])
def test_workers_give_what_one_image_gives(tmp_path, places, jobs):
    """Whatever their number; bad and missing images have none."""
    hashes = hashes_of(places, jobs=jobs, progress=ignore, cache=HashCache(tmp_path / "cache"))
    assert np.flatnonzero(~hashes.known).tolist() == [7, 8]
    for index in (0, 59):
        data = Path(places[index]).read_bytes()
        assert hashes.values[index].tobytes() == perceptual_hash(data)
    assert hashes.values[69].tobytes() == perceptual_hash(smallsets.jpeg(109))


def test_what_is_kept_is_not_made_again(tmp_path, places):
    """Only what has changed since, or was missing, is made."""
    first = hashes_of(places, jobs=1, progress=ignore, cache=HashCache(tmp_path / "cache"))
    told = Told()
    again = hashes_of(places, jobs=1, progress=told, cache=HashCache(tmp_path / "cache"))
    assert (again.values == first.values).all()
    assert (again.known == first.known).all()
    assert told.all[0].kept == len(places) - 1
    Path(places[3]).write_bytes(smallsets.jpeg(500))
    changed = hashes_of(places, jobs=1, progress=told, cache=HashCache(tmp_path / "cache"))
    assert np.flatnonzero((changed.values != first.values).any(axis=1)).tolist() == [3]
    assert changed.values[3].tobytes() == perceptual_hash(smallsets.jpeg(500))


def test_an_interrupted_run_goes_on(tmp_path, places):
    """What was hashed before is kept, though it ended in an exception."""

    def interrupt(progress: Progress) -> None:
        if progress.done > 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        hashes_of(places, jobs=1, progress=interrupt, cache=HashCache(tmp_path / "cache"))
    (note,) = caught.value.__notes__
    assert re.fullmatch(
        rf"\d+ images of {len(places)} hashed and kept; the same command goes on from there\.", note
    )
    told = Told()
    hashes_of(places, jobs=1, progress=told, cache=HashCache(tmp_path / "cache"))
    assert told.all[0].kept == int(note.split()[0]) >= 31


@pytest.mark.parametrize("fault", ["garbage", "folder", "read only", "odd rows"])
def test_a_cache_that_is_of_no_use_does_no_harm(tmp_path, places, fault, monkeypatch):
    """The hashes are the same; a damaged file makes way for a new one."""
    first = hashes_of(places, jobs=1, progress=ignore, cache=HashCache(tmp_path / "cache"))
    file = tmp_path / "cache/hashes-1.sqlite"
    if fault == "garbage":
        file.write_bytes(b"x" * 10_000)
    elif fault == "folder":
        file.unlink()
        file.mkdir()
    elif fault == "read only":
        file.unlink()
        (tmp_path / "cache").rmdir()
        (tmp_path / "cache").write_bytes(b"a file in its place")
    else:
        with sqlite3.connect(file) as rows:
            rows.execute("UPDATE hashes SET hashes = x'00'")
        rows.close()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    for _ in range(2):
        again = hashes_of(places, jobs=1, progress=ignore, cache=HashCache(tmp_path / "cache"))
        assert (again.values == first.values).all()
        assert (again.known == first.known).all()
    with HashCache(tmp_path / "cache") as cache:
        usable = fault in ("garbage", "odd rows")
        assert cache._file == (file if usable else tmp_path / f"another/streamcalib/{file.name}")


def test_damage_that_shows_later_is_told_and_removed(tmp_path, places, caplog):
    """The hashes are the same, and the next run keeps them again."""
    cache = tmp_path / "cache"
    first = hashes_of(places, jobs=1, progress=ignore, cache=HashCache(cache))
    file = cache / "hashes-1.sqlite"
    pages = file.read_bytes()
    # The first page, which says what tables there are, is sound.
    file.write_bytes(pages[:4096] + b"x" * (len(pages) - 4096))
    again = hashes_of(places, jobs=1, progress=ignore, cache=HashCache(cache))
    assert (again.values == first.values).all()
    [said] = caplog.messages
    assert said.startswith(f"hashes are no longer kept in {file}: ")
    assert not file.exists()
    told = Told()
    for _ in range(2):
        hashes_of(places, jobs=1, progress=told, cache=HashCache(cache))
    assert told.all[-1].kept == len(places) - 1


def test_names_that_are_no_text_are_kept(tmp_path):
    """File names are bytes."""
    name = os.fsdecode(b"\xff\n.jpg")
    (tmp_path / name).write_bytes(smallsets.jpeg(1))
    place = str(tmp_path / name)
    told = Told()
    for _ in range(2):
        hashes = hashes_of([place], jobs=1, progress=told, cache=HashCache(tmp_path / "cache"))
        assert hashes.known.all()
    assert told.all[-1].kept == 1


def test_a_worker_that_dies_ends_it(tmp_path, places):
    """With exit code 5; what was hashed is kept, and the same with one job goes on."""

    killed: list[int] = []

    def kill_workers(progress: Progress) -> None:
        if progress.done > progress.kept and not killed:
            for child in psutil.Process().children():
                with suppress(psutil.Error):
                    if "resource_tracker" not in " ".join(child.cmdline()):
                        killed.append(child.pid)
                        child.kill()

    cache = tmp_path / "cache"
    with pytest.raises(StoppedError) as caught:
        hashes_of(places * 40, jobs=2, progress=kill_workers, cache=HashCache(cache))
    assert "the same command with --jobs 1 goes on" in text_of(caught.value)
    assert "most likely for lack of memory" in text_of(caught.value)
    told = Told()
    assert hashes_of(places, jobs=1, progress=told, cache=HashCache(cache)).known.sum() == 68
    assert told.all[0].kept > 0


def dedupe(folder: Path, jobs: int = 2) -> subprocess.Popen[str]:
    """Begin to choose of a folder's images without near-duplicates, in a session of its own."""
    words = ("sample", "images", "--count", 5, "--dedupe", "--jobs", jobs, "--out", "list.txt")
    return faults.begun(folder, faults.HASHED_CARRIERS, *words)


def test_images_that_end_whoever_hashes_them_are_named(tmp_path):
    """They are kept, as other bad images are; no other is lost, and no temporary file stays."""
    smallsets.make_images(tmp_path / "images", 70)
    for number, word in ((5, "segv"), (40, "exit"), (69, "segv")):
        (tmp_path / f"images/{number:06d}.jpg").write_bytes(faults.carrying(number, word))
    process = dedupe(tmp_path)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    killed, ended = "it killed its worker: signal 11 (SIGSEGV)", "it ended its worker: exit code 7"
    for number, reason in ((5, killed), (40, ended), (69, killed)):
        assert f"warning: {tmp_path}/images/{number:06d}.jpg: {reason}; without a hash" in err
    assert err.count("without a hash") == 3
    facts = json.loads((tmp_path / "list.txt.json").read_text())
    assert facts["dedupe"]["unread"] == 3
    assert facts["population"] == 70
    assert list((tmp_path / "temporary").iterdir()) == []


def test_images_at_which_a_worker_was_killed_are_named(tmp_path):
    """From outside, as for want of memory: none is to blame, and the command ends with code 5."""
    smallsets.make_images(tmp_path / "images", 70)
    for number in range(70):
        path = tmp_path / f"images/{number:06d}.jpg"
        path.write_bytes(faults.carrying(number, "slow"))
    process = dedupe(tmp_path)
    faults.kill_one_of_two(tmp_path, process)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 5, err
    assert "At work then: " in err
    named = re.findall(r"images/(\d{6})\.jpg", err)
    assert 1 <= len(named) <= 2
    assert "alone, none of them does harm. What was hashed is kept" in err
    assert "Traceback" not in err
