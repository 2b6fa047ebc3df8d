"""What a job leaves that is killed between two steps: it stands in no one's way, and goes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import smallsets
from streamcalib import build, finalize
from streamcalib.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", 5)


@pytest.fixture
def out(tmp_path) -> Path:
    """An output in a folder of its own, with the staging folder of a build that was killed."""
    (tmp_path / "out" / "calib.npy.build").mkdir(parents=True)
    return tmp_path / "out" / "calib.npy"


def make(paths: list[Path], out: Path) -> None:
    """Build, and make sure that nothing but the set is there."""
    assert len(build(paths, out, recipe=smallsets.RECIPE, jobs=1)) == len(paths)
    left = sorted(path.name for path in out.parent.iterdir())
    assert left == ["calib.npy", "calib.npy.json", "calib.npy.md"]


@pytest.mark.parametrize(
    "name",
    [
        "rows.npy",
        "set.npz",
        "rows.jsonl",
        "manifest.json",  # between writing a side file and its rename
        "card.md",
        "owner.json",
        "owner.json.0123456789abcdef",  # while the holder's age was looked at
        "journal.sqlite-journal",  # while SQLite makes the journal's file
        "journal.sqlite-wal",
    ],
)
def test_a_file_of_the_staging_folder_goes_with_it(paths, out, name):
    """Alone, it is of no use; it is streamcalib's own, and is taken away."""
    (out.parent / "calib.npy.build" / name).write_bytes(b"")
    make(paths, out)


@pytest.mark.parametrize("leave", ["an empty file", "a database without tables", "no facts"])
def test_a_journal_that_was_never_begun_is_none(paths, out, leave):
    """Killed while its journal was made, a build begins anew."""
    path = out.parent / "calib.npy.build" / "journal.sqlite"
    if leave == "an empty file":
        path.touch()
    elif leave == "no facts":
        Journal(path, facts={}).close()
    else:
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
        assert path.stat().st_size
    make(paths, out)


def test_a_finished_file_has_no_staging_folder(paths, tmp_path):
    """Killed after its last rename, a finalization has only to be tidied up."""
    done = build(paths, tmp_path / "calib.npy", recipe=smallsets.RECIPE, jobs=1)
    finalize(done, tmp_path / "final.npz")
    staging = tmp_path / "final.npz.build"
    staging.mkdir()
    (staging / "owner.json").touch()
    finalize(done, tmp_path / "final.npz")
    assert not staging.exists()
