"""A build that is interrupted or terminated: exit codes, one message, and nothing left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import psutil
import pytest
from tqdm import tqdm

import smallsets
from sessions import kept_rows, session_of, wait_until
from streamcalib.cli.ending import without_broken_bars
from streamcalib.workers.marks import read_marks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIGNALS = {
    signal.SIGINT: (130, "\nstreamcalib: interrupted."),
    signal.SIGTERM: (143, "streamcalib: terminated."),
}
KEPT = (
    r" (\d+) of 400 rows are kept in (.*)/calib\.npy\.build; "
    r"the same command goes on from there\.\n"
)
NOTHING = " Nothing was published; the same command starts over.\n"
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
    # 2 GB each, which pytest would keep for three runs.
    shutil.rmtree(tmp_path / "calib.npy.build", ignore_errors=True)


def begun(folder: Path) -> Callable[[], bool]:
    """Return a test whether rows are being made."""
    marks = folder / "calib.npy.build" / "marks"
    return lambda: any(mark.turn > 1 for mark in read_marks(marks))


def check_the_end(process: subprocess.Popen, folder: Path, number: signal.Signals) -> int:
    """Check how a build ends that got a signal; return how many rows it says are kept."""
    out, err = process.communicate(timeout=60)
    code, beginning = SIGNALS[number]
    assert (process.returncode, out) == (code, "")
    assert err.startswith(beginning)
    names = sorted(path.name for path in folder.iterdir() if path.name != "calib.npy.build")
    assert names == ["large.jpg", "list.txt"]
    wait_until(lambda: session_of(process) == [])
    rest = err.removeprefix(beginning)
    if rest == NOTHING:
        assert not (folder / "calib.npy.build").exists()
        return 0
    told = re.fullmatch(KEPT, rest)
    assert told
    assert told[2] == str(folder)
    left = sorted(path.name for path in (folder / "calib.npy.build").iterdir())
    assert left == ["journal.sqlite", "marks", "rows.npy"]
    return int(told[1])


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_running_build_ends_cleanly(start, tmp_path, workers, number):
    """One process is told: exit code and message are right, rows are kept, nobody is left."""
    process = start(*WORKERS[workers])
    wait_until(begun(tmp_path), process)
    process.send_signal(number)
    assert check_the_end(process, tmp_path, number) > 0


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
    shutil.rmtree(tmp_path / "calib.npy.build")
    after = smallsets.contents(tmp_path)
    assert sorted(after) == sorted(before)
    assert all(after[name] == before[name] for name in before)


def test_a_killed_build_goes_on(start, tmp_path):
    """SIGKILL leaves a staging folder and no set; another build is refused there, the same not."""
    process = start(*WORKERS["loky"])
    wait_until(lambda: kept_rows(tmp_path) > 0, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "calib.npy").exists()
    build = ("build", "--list", "list.txt", "--out", "calib.npy", *WORKERS["loky"])
    refused = smallsets.run(*build, "--imgsz", 16, cwd=tmp_path)
    assert (refused.code, refused.out) == (2, "")
    assert "an unfinished build of calib.npy is another one" in refused.err
    assert "recipe, height: 640, not 16" in refused.err
    assert "--restart; or choose another --out" in refused.err
    restarted = smallsets.run(*build, "--imgsz", 16, "--restart", cwd=tmp_path)
    assert restarted.code == 0
    assert not (tmp_path / "calib.npy.build").exists()
    assert np.load(tmp_path / "calib.npy").shape == (400, 3, 16, 16)


def test_a_second_build_is_told_that_one_is_running(start, tmp_path):
    """Two commands for one output do not mix: the second ends with exit code 5."""
    process = start(*WORKERS["serial"])
    wait_until(begun(tmp_path), process)
    build = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)
    ended = smallsets.run(*build, cwd=tmp_path)
    assert (ended.code, ended.out) == (5, "")
    host = socket.gethostname()
    assert f"is running: process {process.pid} on host {host}, since " in ended.err
    assert ended.err.count("\n") == 1
    assert process.poll() is None
    assert begun(tmp_path)()
    process.send_signal(signal.SIGTERM)
    check_the_end(process, tmp_path, signal.SIGTERM)


ENDS_SLOWLY = """
import atexit, sys, time
atexit.register(time.sleep, 1.5)
sys.argv = ["streamcalib", "--version"]
from streamcalib.cli import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_after_the_end_has_nothing_to_interrupt(number, times):
    """While only workers are waited for, it passes without a traceback; a second one ends it."""
    process = subprocess.Popen(
        [sys.executable, "-c", ENDS_SLOWLY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdout.readline().startswith("streamcalib")
    for _ in range(times):
        time.sleep(0.4)
        process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == (0 if times == 1 else -number)


def test_a_half_made_bar_goes_without_a_word(monkeypatch, capsys):
    """An interrupt may come while a bar is made; whatever else cannot be raised is told."""

    class Broken:
        def __del__(self) -> None:
            raise AttributeError("pos")

    monkeypatch.setattr(sys, "unraisablehook", without_broken_bars)
    bar = object.__new__(tqdm)
    bar.disable = False
    del bar
    assert capsys.readouterr().err == ""
    broken = Broken()
    del broken
    assert "AttributeError: pos" in capsys.readouterr().err
