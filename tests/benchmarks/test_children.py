"""Children: orders, results, failures, and that none is left behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.children import child, run_child
from benchmarks.errors import ChildError


def test_a_result_comes_back():
    """The cost of a command is that of its whole process."""
    found = run_child("cost", command=[sys.executable, "-c", "b = bytearray(10**8)"])
    assert found["seconds"] > 0
    assert found["peak_bytes"] > 10**8


def test_modules_are_compiled_once(monkeypatch):
    """Not by every worker anew, whatever this process was told."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    told = "import sys; sys.exit(sys.dont_write_bytecode)"
    assert run_child("cost", command=[sys.executable, "-c", told])["seconds"] > 0
    monkeypatch.setattr("benchmarks.children._environment", lambda: dict(os.environ))
    with pytest.raises(ChildError, match="exit code 1"):
        run_child("cost", command=[sys.executable, "-c", told])


def test_a_failure_tells_its_last_words_without_folders(tmp_path):
    """Names of folders are not published."""
    with pytest.raises(ChildError) as caught:
        run_child("plain", list_file=tmp_path / "none.txt", out=tmp_path / "x.npy", imgsz=64)
    assert "No such file or directory: 'none.txt'" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_killed_child_is_told_by_its_signal():
    """As by the kernel, for lack of memory."""
    with child("cost", command=["sleep", "60"]) as running:
        for member in psutil.Process(running.pid).children():
            member.kill()
        psutil.Process(running.pid).kill()
        with pytest.raises(ChildError, match="ended by SIGKILL"):
            running.result()


def test_an_interrupt_takes_child_and_grandchild(tmp_path):
    """Ctrl-C in the parent leaves no process."""
    caught: list[psutil.Process] = []

    def interrupted():
        with child("cost", command=["sleep", "60"]) as running:
            process = psutil.Process(running.pid)
            while not any("sleep" in member.name() for member in process.children()):
                time.sleep(0.01)
            caught.extend([process, *process.children()])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    _, alive = psutil.wait_procs(caught, timeout=10)
    assert len(caught) == 2
    assert not alive


def test_a_child_joins_its_group_first(tmp_path):
    """Before it starts its work, which is why even a failing one has joined."""
    processes = tmp_path / "cgroup.procs"
    run_child("cost", cgroup=processes, command=["true"])
    assert int(Path(processes).read_text()) > 0
