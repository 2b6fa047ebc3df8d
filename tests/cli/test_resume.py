"""An unfinished build, as the command line tells of it."""

from __future__ import annotations

import json
import logging
import os
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import smallsets

BUILD = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)


@pytest.fixture
def unfinished(told, images, tmp_path) -> Path:
    """A build of six images that ended because one of them is bad; it is mended by now."""
    content = images[4].read_bytes()
    images[4].write_bytes(b"")
    assert told(*BUILD).code == 3
    images[4].write_bytes(content)
    return tmp_path / "calib.npy.build"


def test_the_same_command_goes_on(told, unfinished, images, tmp_path):
    """It says what is kept; the rows are right, and nothing is left."""
    ended = told(*BUILD)
    assert (ended.code, ended.err) == (0, "5 of 6 rows kept\n")
    assert ended.out.startswith(f"{tmp_path}/calib.npy built: (6, 3, 16, 16) float32")
    np.testing.assert_array_equal(np.load("calib.npy"), smallsets.rows(images))
    assert not unfinished.exists()


def test_quiet_says_nothing(told, unfinished):
    """Neither what is kept nor what is warned of."""
    ended = told(*BUILD, "--quiet")
    assert ended == (0, "", "")


def test_thousands_are_grouped(told, tmp_path):
    """As everywhere: 1,199 of 1,200 rows."""
    (image,) = smallsets.make_images(tmp_path / "images", 1)
    smallsets.write_list(tmp_path / "list.txt", [*[image] * 1199, "missing.jpg"])
    ended = told(*BUILD, "--preset", "yolo11")
    assert ended.code == 3
    assert "1,199 of 1,200 rows are kept in " in ended.err
    smallsets.make_images(tmp_path, 1)[0].rename(tmp_path / "missing.jpg")
    assert told(*BUILD).err == "1,199 of 1,200 rows kept\n"


def test_a_warning_is_a_line_of_its_own(told, unfinished):
    """What the disk did not keep is warned of."""
    with (unfinished / "rows.npy").open("r+b") as file:
        file.seek(5000)
        file.write(b"\x55\xaa\x55")
    ended = told(*BUILD)
    assert ended.code == 0
    assert ended.err == (
        "warning: 1 row of the unfinished build did not hold what was written, and is made again: "
        "look after the disk\n4 of 6 rows kept; 1 row to be made again\n"
    )


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--imgsz", 32), "  recipe, height: 16, not 32"),
        (("--dtype", "float16"), "  recipe, dtype: 'float32', not 'float16'"),
        (("--store", "uint8"), "  rows on disk: final, not uint8"),
        (("--tolerate-damage",), "  tolerate damage: False, not True"),
    ],
    ids=["size", "dtype", "store", "damage"],
)
def test_another_build_is_refused(told, unfinished, options, line):
    """Exit code 2, what differs, and both ways out; --restart is one of them."""
    ended = told(*BUILD, *options)
    assert (ended.code, ended.out) == (2, "")
    first, *lines, last = ended.err.splitlines()
    assert first == (
        "streamcalib: error: an unfinished build of calib.npy is another one, with 5 rows done:"
    )
    assert line in lines
    assert last == "To discard it, say --restart; or choose another --out."
    restarted = told(*BUILD, *options, "--restart")
    assert (restarted.code, restarted.err) == (0, "")
    assert not unfinished.exists()


def test_another_list_is_refused(told, unfinished, images, tmp_path):
    """Both lists are named, with their lengths."""
    smallsets.write_list(tmp_path / "list2.txt", [f"images/{p.name}" for p in images[:5]])
    ended = told(*BUILD, "--list", "list2.txt")
    assert ended.code == 2
    assert "  list: list.txt of 6 images, not list2.txt of 5\n" in ended.err


@pytest.mark.parametrize(
    "options",
    [
        ("--jobs", 2, "--backend", "threading"),
        ("--on-bad", "skip"),
        ("--cache-window", 1),
        ("--max-pixels", 100_000),
        ("--image-timeout", 5),
    ],
    ids=lambda options: options[0],
)
def test_how_a_build_goes_about_it_may_change(told, unfinished, options):
    """The rows are kept."""
    ended = told(*BUILD, *options)
    assert (ended.code, ended.err) == (0, "5 of 6 rows kept\n")


def test_a_dry_run_tells_what_would_be_kept(told, unfinished, tmp_path):
    """And leaves everything as it is; so it is of what would not be kept."""
    before = smallsets.contents(tmp_path)
    ended = told(*BUILD, "--dry-run")
    assert (ended.code, ended.err) == (0, "")
    assert "\nbegun     5 of 6 rows would be kept\n" in ended.out
    restarted = told(*BUILD, "--dry-run", "--restart")
    assert "begun" not in restarted.out
    refused = told(*BUILD, "--dry-run", "--dtype", "float16")
    assert refused.code == 2
    assert "is another one, with 5 rows done" in refused.err
    assert smallsets.contents(tmp_path) == before
    assert told(*BUILD).err == "5 of 6 rows kept\n"


def test_a_dry_run_of_nothing_begun_says_nothing_of_it(told, images, tmp_path):
    """Nor does it make a folder, for staging or for state."""
    before = smallsets.contents(tmp_path)
    ended = told(*BUILD, "--dry-run", "--state", "state")
    assert ended.code == 0
    assert "begun" not in ended.out
    assert smallsets.contents(tmp_path) == before


def test_a_dry_run_beside_a_journal_elsewhere_makes_no_folder(told, images, tmp_path):
    """A folder for state that is another one than before is only named."""
    images[4].unlink()
    assert told(*BUILD, "--state", "first").code == 3
    before = smallsets.contents(tmp_path)
    assert "5 of 6 rows would be kept" in told(*BUILD, "--dry-run", "--state", "first").out
    refused = told(*BUILD, "--dry-run", "--state", "second")
    assert refused.code == 2
    assert f"{tmp_path}/first" in refused.err
    assert f"{tmp_path}/second" in refused.err
    assert smallsets.contents(tmp_path) == before


def test_an_extension_is_suggested_and_made(told, images, tmp_path):
    """A longer list is refused with the word that keeps the rows."""
    smallsets.write_list(tmp_path / "list.txt", [f"images/{p.name}" for p in images[:4]])
    assert told(*BUILD).code == 0
    smallsets.write_list(tmp_path / "list.txt", [f"images/{p.name}" for p in images])
    refused = told(*BUILD)
    assert refused.code == 2
    assert "To keep its rows and add the others, say --extend. To replace it" in refused.err
    planned = told(*BUILD, "--extend", "--dry-run")
    assert "\nexists    yes, and stays until the longer one is whole\n" in planned.out
    assert "\nextends   a set of 4 rows, which are kept\n" in planned.out
    ended = told(*BUILD, "--extend")
    assert (ended.code, ended.err) == (0, "4 of 4 rows of calib.npy kept\n")
    np.testing.assert_array_equal(np.load("calib.npy"), smallsets.rows(images))
    again = told(*BUILD, "--extend")
    assert again.code == 0
    assert "already complete" in again.out


def leave_owner(folder: Path, age: float, **values: object) -> None:
    owner = {"host": "elsewhere", "boot": "", "pid": 77, "started": "", "since": "noon"}
    path = folder / "owner.json"
    path.write_text(json.dumps({**owner, "token": "another", **values}))
    then = time.time() - age
    os.utime(path, (then, then))


def test_a_build_on_another_host_is_respected(told, unfinished):
    """Exit code 5, who and since when; --break-lock takes over, and says from whom."""
    leave_owner(unfinished, 30)
    for options in ((), ("--dry-run",)):
        ended = told(*BUILD, *options)
        assert (ended.code, ended.out if not options else "") == (5, "")
        assert "process 77 on host elsewhere, since noon, heard of 3" in ended.err
        assert ended.err.endswith("if you know that it is dead, say --break-lock.\n")
    taken = told(*BUILD, "--break-lock")
    assert taken.code == 0
    assert taken.err == (
        "taking over from process 77 on host elsewhere, since noon, which is gone\n"
        "5 of 6 rows kept\n"
    )


def test_a_silent_build_on_another_host_is_taken_over(told, unfinished):
    """After a minute, without being asked."""
    leave_owner(unfinished, 100)
    ended = told(*BUILD)
    assert ended.code == 0
    assert ended.err.startswith("taking over from process 77 on host elsewhere")


def test_a_dead_build_of_this_host_is_taken_over(told, unfinished):
    """At once."""
    leave_owner(unfinished, 0, host=socket.gethostname())
    assert told(*BUILD).code == 0


def test_a_damaged_journal_is_told(told, unfinished):
    """Exit code 2, with the ways out."""
    with closing(sqlite3.connect(unfinished / "journal.sqlite")) as database, database:
        database.execute("DROP TABLE failed")
    ended = told(*BUILD)
    assert ended.code == 2
    assert ended.err.endswith("Say --restart to build calib.npy anew, or choose another --out.\n")
    assert told(*BUILD, "--restart").code == 0


def test_finalizing_over_an_unfinished_build_is_refused(told, unfinished, tmp_path):
    """Exit code 2; the build can go on."""
    assert told(*BUILD, "--out", "other.npy").code == 0
    ended = told("finalize", "other.npy", "--out", "calib.npy")
    assert ended.code == 2
    assert "an unfinished build of calib.npy lies in" in ended.err
    assert told(*BUILD).err == "5 of 6 rows kept\n"


def test_a_programs_logging_hears_nothing_of_a_command(told, unfinished, caplog):
    """Notices of a command are lines on standard error, and nothing else."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("streamcalib").level)
    assert told(*BUILD).code == 0
    assert caplog.messages == []
    assert (root.level, root.handlers, logging.getLogger("streamcalib").level) == before
