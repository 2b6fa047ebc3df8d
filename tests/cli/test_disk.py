"""A disk that fills while a set is written: exit code 5, a clear message, no half set."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import smallsets

# The shell mounts a small volume that nobody else sees and that ends with it.
_ON_A_SMALL_VOLUME = """
size=$1; shift
mount -t tmpfs -o size="$size" tmpfs volume || exit 99
"$@"
code=$?
find volume -mindepth 1 -printf '%P\\n' | sort > left.txt
exit $code
"""
_NAMESPACE = ["unshare", "--mount"]
if os.geteuid() != 0:
    _NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]

# The plan sees the space that is free when it is made; another program takes it afterwards.
PLENTY = (
    "import shutil, types; shutil.disk_usage = lambda path: types.SimpleNamespace(free=10**15); "
    + smallsets.PROGRAM
)
# Where nobody looks for space beforehand, the disk fills while rows are written.
NOTHING_RESERVED = (
    "import os; from streamcalib.stores import npy; npy.make_sparse = os.ftruncate; " + PLENTY
)

# As many workers write: through mappings, where a page too many would kill the process.
MAPPED = "from streamcalib.building import crew; crew._MANY_WORKERS = 2; " + NOTHING_RESERVED


@pytest.fixture(scope="module")
def can_mount(tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("mount")
    (folder / "volume").mkdir()
    try:
        run_on("40k", folder, "true")
    except (OSError, AssertionError) as error:
        pytest.skip(f"a small volume cannot be mounted here: {error}")


def run_on(size: str, folder: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
    command = [*_NAMESPACE, "sh", "-c", _ON_A_SMALL_VOLUME, "sh", size, *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, **options
    )
    assert done.returncode != 99, done.stderr
    return done


@pytest.fixture
def folder(can_mount, tmp_path) -> Path:
    """A folder with 40 images, a list of them, and a finished set; rows are 3 kB."""
    smallsets.make_images(tmp_path / "images", 40)
    names = [f"images/{n:06d}.jpg" for n in range(40)]
    smallsets.write_list(tmp_path / "list.txt", names)
    (tmp_path / "volume").mkdir()
    return tmp_path


def stopped(folder: Path, size: str, *arguments: object, program: str = PLENTY) -> None:
    """Make sure that a command ends as it must when the volume fills."""
    done = run_on(size, folder, *smallsets.command(*arguments, program=program))
    assert done.returncode == 5, done
    assert done.stdout == ""
    assert done.stderr.startswith("streamcalib: error: ")
    assert "No space left on device" in done.stderr
    assert "run the same command again" in done.stderr
    assert done.stderr.count("\n") == 1
    left = (folder / "left.txt").read_text().split()
    # What is done stays in the staging folder, for the same command to go on with.
    assert [name for name in left if ".build" not in name] == []
    assert ("; the same command goes on from there." in done.stderr) == bool(left)


@pytest.mark.parametrize(
    "workers",
    [("--jobs", 1), ("--jobs", 2), ("--jobs", 2, "--backend", "threading")],
    ids=["serial", "loky", "threading"],
)
@pytest.mark.parametrize("size", ["40k", "120k"])
@pytest.mark.parametrize(
    "program", [PLENTY, NOTHING_RESERVED, MAPPED], ids=["reserved", "sparse", "mapped"]
)
def test_rows_do_not_fit(folder, workers, size, program):
    """Space that is gone is noticed before the first row, or while rows are written."""
    stopped(
        folder,
        size,
        "build",
        "--list",
        "list.txt",
        "--out",
        "volume/a.npy",
        "--imgsz",
        16,
        *workers,
        program=program,
    )


@pytest.mark.parametrize(
    "workers",
    [("--jobs", 1), ("--jobs", 2), ("--jobs", 2, "--backend", "threading")],
    ids=["serial", "loky", "threading"],
)
@pytest.mark.parametrize("size", ["300k", "600k", "900k"])
def test_shards_do_not_fit(folder, workers, size):
    """Nothing is reserved for them; the one that is being written is given up, whole ones stay."""
    stopped(
        folder,
        size,
        "build",
        "--list",
        "list.txt",
        "--out",
        "volume/a.zarr",
        "--imgsz",
        96,
        *workers,
    )


@pytest.mark.parametrize("size", ["128k", "132k", "140k"])
def test_side_files_do_not_fit(folder, size):
    """Rows fit to the last, and the manifest or the card does not."""
    stopped(
        folder,
        size,
        "build",
        "--list",
        "list.txt",
        "--out",
        "volume/a.npy",
        "--imgsz",
        16,
        "--jobs",
        1,
    )


@pytest.mark.parametrize("size", ["40k", "120k", "164k"])
def test_the_copy_does_not_fit(folder, size):
    """An ``.npz`` is made from staged canvases, and is too much beside them."""
    stopped(
        folder,
        size,
        "build",
        "--list",
        "list.txt",
        "--out",
        "volume/a.npz",
        "--imgsz",
        16,
        "--jobs",
        1,
    )


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_finalizing_does_not_fit(folder, name):
    """Finalizing stops as building does."""
    built = smallsets.run(
        *("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1),
        cwd=folder,
    )
    assert built.code == 0
    stopped(folder, "64k", "finalize", "calib.npy", "--out", f"volume/{name}")


def test_a_plan_that_sees_the_volume_refuses(folder):
    """With nobody to take the space later, the plan is right, and nothing is begun."""
    done = run_on(
        "1500k",
        folder,
        *smallsets.command(
            "build", "--list", "list.txt", "--out", "volume/a.npy", "--imgsz", 64, "--jobs", 1
        ),
    )
    assert done.returncode == 2
    assert "not enough disk space: 40 rows need 3.0 MB, and 1.5 MB are free" in done.stderr
    assert (folder / "left.txt").read_text() == ""


def test_a_read_only_volume_is_not_writable(folder):
    """Even root cannot write there, and hears it before anything is begun."""
    build = smallsets.command(
        "build", "--list", "list.txt", "--out", "volume/a.npy", "--imgsz", 16, "--jobs", 1
    )
    done = run_on("4M,ro", folder, *build)
    assert done.returncode == 2
    assert done.stderr == (
        f"streamcalib: error: the output folder {folder}/volume is not writable.\n"
    )


# The same volume, once with too little room, and once with enough.
_FILLS_AND_GROWS = """
mount -t tmpfs -o size=40m tmpfs volume || exit 99
first=$1; shift
"$@" -c "$first" build --list list.txt --out volume/a.npy --imgsz 640 --jobs 2 2>first.txt
echo $? >>first.txt
mount -o remount,size=200m volume || exit 99
"$@" -c "from streamcalib.cli import main; main()" verify volume/a.npy 2>>first.txt
"$@" -c "from streamcalib.cli import main; main()" \
    build --list list.txt --out volume/a.npy --imgsz 640 --jobs 2 2>second.txt || exit 98
sha256sum volume/a.npy | cut -c1-64 >sum.txt
"""


def test_a_volume_of_40_mb_that_fills_can_be_given_more(folder):
    """Seven of twenty rows fit; with more room the same command goes on, to the same bytes."""
    smallsets.write_list(folder / "list.txt", [f"images/{n:06d}.jpg" for n in range(20)])
    program = "import streamcalib.journal as j; j._LEAST_SECONDS = 0; " + NOTHING_RESERVED
    subprocess.run(
        [*_NAMESPACE, "sh", "-c", _FILLS_AND_GROWS, "sh", program, sys.executable],
        cwd=folder,
        check=True,
        timeout=120,
    )
    message, code, none_yet = (folder / "first.txt").read_text().splitlines()
    assert code == "5"
    kept = r"(\d+) of 20 rows are kept in (.*); the same command goes on from there\."
    mend = r"Free space or mend the volume, then run the same command again\."
    # Workers and the journal share what room there is.
    failed = r"(writing \2/rows\.npy failed|the journal \2/journal\.sqlite cannot be written)"
    failed = failed.replace(r"\2", re.escape(f"{folder}/volume/a.npy.build"))
    shown = re.fullmatch(
        rf"streamcalib: error: {failed}: No space left on device\. {mend} {kept}", message
    )
    assert shown, message
    assert shown[3] == f"{folder}/volume/a.npy.build"
    assert 1 <= int(shown[2]) <= 8
    assert "the set volume/a.npy does not exist" in none_yet
    assert f"{shown[2]} of 20 rows kept" in (folder / "second.txt").read_text()
    undisturbed = smallsets.run(
        *("build", "--list", "list.txt", "--out", "b.npy", "--imgsz", 640), cwd=folder
    )
    assert undisturbed.code == 0
    whole = (folder / "b.npy").read_bytes()
    assert (folder / "sum.txt").read_text().strip() == hashlib.sha256(whole).hexdigest()
    (folder / "b.npy").unlink()
