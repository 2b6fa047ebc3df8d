"""A build that is interrupted or terminated: exit codes, one message, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import psutil
import pytest

import smallsets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIGNALS = {
    signal.SIGINT: (
        130,
        "\nstreamcalib: interrupted. Nothing was published; the same command starts over.\n",
    ),
    signal.SIGTERM: (
        143,
        "streamcalib: terminated. Nothing was published; the same command starts over.\n",
    ),
}
WORKERS = {
    "serial": ("--jobs", 1),
    "loky": ("--jobs", 2),
    "threading": ("--jobs", 2, "--backend", "threading"),
}


@pytest.fixture
def listed(tmp_path) -> Path:
    """A list of one large photograph, 400 times: many seconds of work."""
    coarse = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "large.jpg"), cv2.resize(coarse, (1600, 1200)))
    return smallsets.write_list(tmp_path / "list.txt", ["large.jpg"] * 400)


@pytest.fixture
def start(listed, tmp_path):
    """Start a build in a session of its own; whatever of it is left in the end is killed."""
    started = []

    def run(*arguments: object, **options) -> subprocess.Popen:
        build = ("build", "--list", listed.name, "--out", "calib.npy", *arguments)
        process = subprocess.Popen(
            smallsets.command(*build),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        for member in session_of(process):
            member.kill()
        process.communicate()


def session_of(process: subprocess.Popen) -> list[psutil.Process]:
    """Return the living processes of a session, its leader included."""
    found = []
    for pid in psutil.pids():
        try:
            member = psutil.Process(pid)
            if os.getsid(pid) == process.pid and member.status() != psutil.STATUS_ZOMBIE:
                found.append(member)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def wait_until(
    condition: Callable[[], bool], meanwhile_runs: subprocess.Popen | None = None
) -> None:
    for _ in range(6000):
        if condition():
            return
        if meanwhile_runs is not None:
            assert meanwhile_runs.poll() is None, meanwhile_runs.communicate()
        time.sleep(0.01)
    pytest.fail("it does not come to that")


def begun(folder: Path) -> Callable[[], bool]:
    """Return a test whether rows are being written."""
    staged = folder / "calib.npy.build" / "rows.npy"

    def some_are_written() -> bool:
        # A row is 4.9 MB, and the file is sparse.
        return staged.exists() and staged.stat().st_blocks * 512 > 6_000_000

    return some_are_written


def check_the_end(process: subprocess.Popen, folder: Path, number: signal.Signals) -> None:
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == SIGNALS[number]
    assert out == ""
    assert sorted(path.name for path in folder.iterdir()) == ["large.jpg", "list.txt"]
    wait_until(lambda: session_of(process) == [])


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_running_build_ends_cleanly(start, tmp_path, workers, number):
    """One process is told: exit code and message are right, and nothing and nobody is left."""
    process = start(*WORKERS[workers])
    wait_until(begun(tmp_path), process)
    process.send_signal(number)
    check_the_end(process, tmp_path, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_terminal_tells_all_processes_at_once(start, tmp_path, number):
    """Workers that get the signal too say nothing of it."""
    process = start(*WORKERS["loky"])
    wait_until(begun(tmp_path), process)
    os.killpg(process.pid, number)
    check_the_end(process, tmp_path, number)


@pytest.mark.parametrize("delay", [0, 0.05, 0.25])
@pytest.mark.parametrize("number", SIGNALS)
def test_workers_that_are_just_starting_say_nothing(start, tmp_path, number, delay):
    """A signal while workers start, or still import, leaves no traceback of theirs, and none."""
    process = start(*WORKERS["loky"])
    wait_until(lambda: any("popen_loky" in name for name in names(process)), process)
    time.sleep(delay)
    os.killpg(process.pid, number)
    check_the_end(process, tmp_path, number)


def names(process: subprocess.Popen) -> list[str]:
    try:
        return [" ".join(member.cmdline()) for member in session_of(process)[1:]]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []


def test_quiet_builds_still_say_why_they_ended(start, tmp_path):
    """The end is an error, and errors are printed."""
    process = start("--quiet", *WORKERS["serial"])
    wait_until(begun(tmp_path), process)
    process.send_signal(signal.SIGINT)
    check_the_end(process, tmp_path, signal.SIGINT)


def test_an_old_set_survives_an_interrupt(start, tmp_path):
    """What is to be overwritten is there until the new set is whole."""
    smallsets.make_images(tmp_path / "images", 1)
    other = smallsets.write_list(tmp_path / "other.txt", ["images/000000.jpg"])
    build = ("build", "--list", other.name, "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)
    assert smallsets.run(*build, cwd=tmp_path).code == 0
    before = smallsets.contents(tmp_path)
    process = start("--overwrite", *WORKERS["loky"])
    wait_until(begun(tmp_path), process)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert smallsets.contents(tmp_path) == before


def test_a_killed_build_does_not_stand_in_the_way(start, tmp_path):
    """SIGKILL leaves a staging folder and no set; the next build takes the folder away."""
    process = start(*WORKERS["serial"])
    wait_until(begun(tmp_path), process)
    process.kill()
    process.communicate()
    assert not (tmp_path / "calib.npy").exists()
    assert (tmp_path / "calib.npy.build").exists()
    smallsets.write_list(tmp_path / "list.txt", ["large.jpg"] * 2)
    build = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)
    assert smallsets.run(*build, cwd=tmp_path).code == 0
    assert not (tmp_path / "calib.npy.build").exists()
    assert len(np.load(tmp_path / "calib.npy")) == 2


def test_a_second_build_is_told_that_one_is_running(start, tmp_path):
    """Two commands for one output do not mix: the second ends with exit code 5."""
    process = start(*WORKERS["serial"])
    wait_until(begun(tmp_path), process)
    build = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)
    ended = smallsets.run(*build, cwd=tmp_path)
    assert (ended.code, ended.out) == (5, "")
    assert "another build" in ended.err
    assert ended.err.count("\n") == 1
    assert process.poll() is None
    assert begun(tmp_path)()
    process.send_signal(signal.SIGTERM)
    check_the_end(process, tmp_path, signal.SIGTERM)
