"""Builds under whose feet things vanish, and journals that are no longer what they were."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import faults
import smallsets
from streamcalib import build
from streamcalib.errors import JournalError
from threatened import COUNT, check_set, run, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORKERS = {
    "loky": ("--jobs", 2),
    "threading": ("--jobs", 2, "--backend", "threading"),
    "one job": ("--jobs", 1),
}
QUICK = (
    faults.constant("streamcalib.journal:_LEAST_SECONDS", 0),
    faults.constant("streamcalib.journal:_TIMES_ITS_COST", 0),
    faults.constant("streamcalib.building.pace:_TASK_SECONDS", 0.001),
    faults.constant("streamcalib.building.pace:_LEAST_SECONDS", 0.001),
)


@pytest.fixture
def folder(tmp_path) -> Path:
    write(tmp_path)
    return tmp_path


def at(place: str, when: str, call: int, **does: object) -> dict[str, object]:
    return {"at": f"streamcalib.{place}", "when": when, "call": call, **does}


def after_commit(call: int, command: str) -> dict[str, object]:
    return at("journal:Journal.commit", "after", call, does="command", command=command)


def check_stopped(told: smallsets.Told, *reasons: str) -> None:
    """Make sure of exit code 5, and one message that says what happened."""
    assert (told.code, told.out) == (5, ""), told
    assert "Traceback" not in told.err
    assert told.err.count("streamcalib: error: ") == 1
    assert any(reason in told.err for reason in reasons), told.err


GONE = "No such file or directory"
REMOVED = "or the folder was removed"
REMOVALS = {
    "the staging folder": "rm -r calib.npy.build",
    "the rows": "rm calib.npy.build/rows.npy",
    "the marks": "rm -r calib.npy.build/marks",
}


@pytest.mark.parametrize(
    ("what", "workers"),
    [("the staging folder", "loky"), ("the rows", "threading"), ("the rows", "one job")],
)
def test_what_is_built_is_deleted_meanwhile(folder, workers, what):
    """It is said that it is gone; nothing is published, and the same command begins anew."""
    told = run(folder, *WORKERS[workers], met=(after_commit(2, REMOVALS[what]), *QUICK))
    check_stopped(told, GONE, REMOVED)
    assert "calib.npy" in told.err
    assert "kept" not in told.err
    assert not (folder / "calib.npy").exists()
    assert run(folder, "--jobs", 1).code == 0
    check_set(folder, list(range(COUNT)))


@pytest.mark.parametrize("what", REMOVALS)
def test_what_is_built_is_deleted_at_the_very_end(folder, what):
    """Between the last row and publishing, too; marks are of no more use then."""
    gone = at("manifest_rows:keep_rows", "before", 1, does="command", command=REMOVALS[what])
    told = run(folder, "--jobs", 1, met=(gone,))
    if what == "the marks":
        assert told.code == 0
    else:
        check_stopped(told, GONE, REMOVED)
        assert not (folder / "calib.npy").exists()
        assert run(folder, "--jobs", 1).code == 0
    check_set(folder, list(range(COUNT)))


FAILING = {
    "writing": "stores.npy:_write_at",
    "syncing": "durable:sync_data",
    "publishing": "publish:sync",
}


@pytest.mark.parametrize(
    ("what", "workers"),
    [("writing", "loky"), ("syncing", "threading"), ("publishing", "one job")],
)
def test_a_failing_disk_stops_a_build(folder, what, workers):
    """EIO is told as such; with the disk mended, the same command goes on."""
    failing = at(FAILING[what], "before", 2, does="raise", errno=5)
    told = run(folder, *WORKERS[workers], met=(failing, *QUICK))
    check_stopped(told, "Input/output error")
    assert "run the same command again" in told.err
    assert not (folder / "calib.npy").exists()
    assert run(folder, "--jobs", 1).code == 0
    check_set(folder, list(range(COUNT)))


# The volume is mounted where nobody else sees it, and goes while it is written to.
_ON_A_VOLUME = """
mount -t tmpfs -o size=8M tmpfs volume || exit 99
"$@"
"""
_NAMESPACE = ["unshare", "--mount"]
if os.geteuid() != 0:
    _NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


@pytest.mark.parametrize("workers", ["loky", "one job"])
def test_a_volume_is_unmounted_meanwhile(folder, workers):
    """Lazily, as by a cable that is pulled: what is open still works, and nothing else does."""
    (folder / "volume").mkdir()
    probe = [*_NAMESPACE, "sh", "-c", _ON_A_VOLUME, "sh", "true"]
    probed = subprocess.run(probe, cwd=folder, capture_output=True, text=True)
    if probed.returncode:
        pytest.skip(f"a volume cannot be mounted here: {probed.stderr}")
    build = ("build", "--list", "list.txt", "--out", "volume/calib.npy", "--imgsz", smallsets.SIDE)
    command = smallsets.command(*build, *WORKERS[workers])
    done = subprocess.run(
        [*_NAMESPACE, "sh", "-c", _ON_A_VOLUME, "sh", *command],
        cwd=folder,
        env=faults.environment(after_commit(2, "umount -l volume"), *QUICK),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        start_new_session=True,
    )
    # Whoever notices first, a worker or the lock.
    check_stopped(smallsets.Told(done.returncode, done.stdout, done.stderr), GONE, REMOVED)
    assert "kept" not in done.stderr
    assert list((folder / "volume").iterdir()) == []


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory) -> Path:
    """A folder with a build that was killed when all rows were done."""
    folder = tmp_path_factory.mktemp("unfinished")
    write(folder)
    killed = at("manifest_rows:keep_rows", "before", 1)
    assert run(folder, "--jobs", 1, met=(killed,)).code == -9
    return folder


def overwritten(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def damaged_inside(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(path.stat().st_size - 100))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def another_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE mine (x)")


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def changed_by(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    return change


_ROW = (
    "INSERT INTO done SELECT {}, height, width, canvas_crc32c, row_crc32c, bytes, stamp, route "
    "FROM done LIMIT 1"
)
DAMAGES = {
    "random bytes": overwritten,
    "random bytes behind a sound header": damaged_inside,
    "half of it": truncated,
    "another database": another_database,
    "a directory": a_directory,
    "a trigger": changed_by(
        "CREATE TRIGGER t AFTER INSERT ON facts BEGIN DELETE FROM done; END",
    ),
    "a view": changed_by("ALTER TABLE done RENAME TO d", "CREATE VIEW done AS SELECT * FROM d"),
    "a row beyond the end": changed_by(_ROW.format(COUNT)),
    "a row before the first": changed_by(_ROW.format(-1)),
    "text for a number": changed_by("UPDATE done SET height = 'x' WHERE row = 3"),
    "a number out of range": changed_by("UPDATE done SET route = 300 WHERE row = 3"),
    "a route that is none": changed_by("UPDATE done SET route = 44 WHERE row = 3"),
    "an image without pixels": changed_by("UPDATE done SET width = 0 WHERE row = 3"),
    "facts that are none": changed_by("UPDATE facts SET value = '{' WHERE name = 'identity'"),
    "no facts": changed_by("DELETE FROM facts"),
    "another version": changed_by("PRAGMA user_version = 9"),
}


@pytest.fixture
def damaged(unfinished, tmp_path) -> Callable[[str], Path]:
    """Gives a copy of the unfinished build whose journal has met some damage."""

    def copy(damage: str) -> Path:
        folder = tmp_path / "folder"
        shutil.copytree(unfinished, folder)
        path = folder / "calib.npy.build" / "journal.sqlite"
        # As it is after a kill, all may be in its log alone.
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        DAMAGES[damage](path)
        return folder

    return copy


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_journal_that_cannot_be_trusted_is_refused(damaged, monkeypatch, damage):
    """It is said how to begin anew, which works; no row of the last run is taken."""
    folder = damaged(damage)
    monkeypatch.chdir(folder)
    how = {"recipe": smallsets.RECIPE, "jobs": 1}
    with pytest.raises(JournalError, match=r"journal.*Say --restart to build calib\.npy anew"):
        build("list.txt", "calib.npy", **how)
    assert not (folder / "calib.npy").exists()
    build("list.txt", "calib.npy", restart=True, **how)
    check_set(folder, list(range(COUNT)))


def test_a_damaged_journal_is_wrong_input(damaged):
    """On the command line: exit code 2, and one message."""
    folder = damaged("random bytes")
    told = run(folder, "--jobs", 1)
    assert (told.code, told.out) == (2, "")
    assert told.err.count("streamcalib: error: the journal ") == 1
    assert "Traceback" not in told.err
    told = run(folder, "--jobs", 1, "--restart")
    assert told.code == 0
    check_set(folder, list(range(COUNT)))
