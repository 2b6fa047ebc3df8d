"""Images that take too long: whose worker is ended, and when."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from streamcalib.building import watch as watch_module
from streamcalib.building.watch import Watch
from streamcalib.workers.marks import Mark
from streamcalib.workers.stopping import is_child

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER = os.getpid() + 1


@pytest.fixture
def ended(monkeypatch) -> list[int]:
    """The processes that were ended, all of which pass for children."""
    pids: list[int] = []
    monkeypatch.setattr(watch_module, "end_process", pids.append)
    monkeypatch.setattr(watch_module, "is_child", lambda _pid: True)
    return pids


class Workers:
    """Marks that a test sets, and the watch that reads them."""

    def __init__(self, timeout: float = 10, *, ends: bool = True) -> None:
        self.marks: dict[int, Mark] = {}
        reader = SimpleNamespace(read=lambda: list(self.marks.values()))
        self.watch = Watch(reader, timeout, lambda source: f"image \x1b{source}", ends=ends)

    def at(self, source: int | None, turn: int, pid: int = OTHER) -> None:
        self.marks[pid] = Mark(pid, f"{pid}-1", source, turn)


def test_a_worker_is_ended_once_its_image_has_taken_too_long(ended):
    """Neither before nor twice."""
    workers = Workers()
    workers.at(5, 1)
    for _ in range(6):
        workers.watch.look(2)
        assert ended == []
    workers.watch.look(2)
    assert ended == [OTHER]
    for _ in range(5):
        workers.watch.look(2)
    assert ended == [OTHER]


def test_the_time_is_that_of_each_image(ended):
    """A worker that goes on to the next image, even the same one again, begins anew."""
    workers = Workers()
    for turn in range(1, 20):
        workers.at(5, turn)
        workers.watch.look(6)
        workers.watch.look(6)
    assert ended == []


def test_a_worker_at_none_waits_as_long_as_it_likes(ended):
    """Nor does waiting count as part of what it was at before."""
    workers = Workers()
    workers.at(5, 1)
    workers.watch.look(9)
    workers.watch.look(9)
    workers.at(None, 1)
    workers.watch.look(1000)
    workers.at(6, 2)
    workers.watch.look(1000)
    assert ended == []


def test_each_worker_is_judged_by_itself(ended):
    """The one that hangs is ended, and no other."""
    workers = Workers()
    workers.at(1, 1, pid=OTHER)
    for turn in range(1, 10):
        workers.at(2, turn, pid=OTHER + 1)
        workers.watch.look(4)
    assert ended == [OTHER]


@pytest.mark.parametrize(("pid", "ends"), [(os.getpid(), True), (OTHER, False)])
def test_threads_are_told_of_and_not_ended(ended, caplog, pid, ends):
    """Nobody can end a thread; the warning names the image, once, and what to do."""
    workers = Workers(ends=ends)
    workers.at(3, 1, pid=pid)
    for _ in range(9):
        workers.watch.look(4)
    assert ended == []
    (message,) = caplog.messages
    assert message == (
        r"image \x1b3 takes longer than 10 s, and threads cannot be ended: if it hangs, end this "
        "build and run the same command with --backend loky and two --jobs or more"
    )
    assert caplog.records[0].levelno == logging.WARNING


def test_time_that_nobody_saw_pass_does_not_count(ended, monkeypatch):
    """A build that was suspended for an hour has no hanging images when it goes on."""
    workers = Workers(timeout=0.5)
    workers.at(3, 1)
    now = [0.0]
    monkeypatch.setattr(watch_module.time, "monotonic", lambda: now[0])
    looked: list[float] = []
    monkeypatch.setattr(workers.watch, "look", looked.append)
    with workers.watch:
        while not looked:
            now[0] += 3600
            time.sleep(0.01)
    assert max(looked) <= 0.1


@contextmanager
def process() -> Iterator[subprocess.Popen]:
    started = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def test_a_child_that_hangs_is_ended():
    """For real, while the watch is entered."""
    workers = Workers(timeout=0.1)
    with process() as child:
        workers.at(3, 1, pid=child.pid)
        with workers.watch:
            assert child.wait(60) != 0


def test_a_process_that_is_no_child_is_left_alone(monkeypatch):
    """Marks in a folder that others may write, too, end nobody else's processes."""
    ended: list[int] = []
    monkeypatch.setattr(watch_module, "end_process", ended.append)
    workers = Workers(timeout=1)
    for pid in (1, os.getppid(), 2**40):
        workers.at(3, 1, pid=pid)
    for _ in range(4):
        workers.watch.look(1)
    assert ended == []


def test_children_are_known():
    """A child is one until it was waited for, dead or alive; and asking does not wait for it."""
    with process() as child:
        assert is_child(child.pid)
        child.kill()
        time.sleep(0.1)
        assert is_child(child.pid)
        assert child.wait() == -9
        assert not is_child(child.pid)
    assert not is_child(os.getpid())
    assert not is_child(1)
