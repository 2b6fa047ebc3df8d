"""What workers are at, as their parent reads it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from streamcalib.workers.marks import Mark, Marks, OwnMark, read_marks

if TYPE_CHECKING:
    from pathlib import Path

# Notes that image 41 is begun, says so, and waits to be killed.
AT_WORK = """
import os, pathlib, sys
from streamcalib.workers.marks import OwnMark
own = OwnMark(pathlib.Path(sys.argv[1]), os.getppid())
own.at(3)
own.at_none()
own.at(41)
print(own.is_stopped, flush=True)
sys.stdin.readline()
print(own.is_stopped, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def marks(tmp_path):
    with closing(Marks(tmp_path / "marks")) as marks:
        yield marks


def test_a_mark_says_which_image_and_how_many_before(marks):
    """Image 0 is an image, too; a mark that is at none says so."""
    with closing(OwnMark(marks.folder, os.getpid())) as own:
        name = f"{os.getpid()}-{threading.get_native_id()}"
        assert marks.read() == [Mark(os.getpid(), name, None, 0)]
        own.at(0)
        assert marks.read() == [Mark(os.getpid(), name, 0, 1)]
        own.at(2**63)
        assert marks.read() == [Mark(os.getpid(), name, 2**63, 2)]
        own.at_none()
        assert marks.read() == [Mark(os.getpid(), name, None, 2)]
    assert marks.read() == [Mark(os.getpid(), name, None, 2)]


def test_each_thread_has_a_mark_of_its_own(marks):
    """Workers may be threads of one process."""

    def work() -> None:
        with closing(OwnMark(marks.folder, os.getpid())) as own:
            own.at(7)
            barrier.wait()

    barrier = threading.Barrier(3)
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(mark.pid, mark.source) for mark in marks.read()] == [(os.getpid(), 7)] * 3


def test_a_mark_outlives_its_worker(marks):
    """What a killed process was at can be read afterwards, even by another build."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    worker = subprocess.Popen([sys.executable, "-c", AT_WORK, str(marks.folder)], **pipes)
    with worker:
        assert worker.stdout.readline() == "False\n"
        marks.stop()
        worker.stdin.write("\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "True\n"
        worker.send_signal(signal.SIGKILL)
    found = read_marks(marks.folder)
    assert [(mark.pid, mark.source, mark.turn) for mark in found] == [(worker.pid, 41, 2)]


def test_a_worker_whose_parent_is_gone_is_stopped(marks):
    """There is nobody left to tell of its rows."""
    with closing(OwnMark(marks.folder, os.getppid())) as child:
        assert not child.is_stopped
    with closing(OwnMark(marks.folder, 1 if os.getppid() != 1 else 2)) as orphan:
        assert orphan.is_stopped
    with closing(OwnMark(marks.folder, os.getpid())) as thread:
        assert not thread.is_stopped


def test_clearing_forgets_marks_and_the_word_to_stop(marks):
    """A new wave of workers begins with neither, in the same folder."""
    with closing(OwnMark(marks.folder, os.getpid())) as own:
        marks.stop()
        assert own.is_stopped
        marks.clear()
        assert not own.is_stopped
        assert marks.read() == []
    with closing(OwnMark(marks.folder, os.getpid())) as again:
        assert not again.is_stopped


def test_what_is_no_mark_is_passed_over(tmp_path, marks):
    """Short files, other names and folders are none; nor is a folder that is not there."""
    (marks.folder / "12-34").write_bytes(b"short")
    (marks.folder / "notes-1").write_bytes(bytes(64))
    (marks.folder / "56-1").mkdir()
    assert marks.read() == []
    assert read_marks(tmp_path / "nowhere") == []
    (tmp_path / "file").touch()
    assert read_marks(tmp_path / "file") == []


def test_a_mark_that_cannot_be_made_is_an_error_of_the_volume(tmp_path):
    """It is raised as it is, and the build says what to do."""
    folder: Path = tmp_path / "gone"
    with pytest.raises(FileNotFoundError):
        OwnMark(folder, os.getpid())
