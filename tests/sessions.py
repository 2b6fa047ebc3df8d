"""The processes of a child's session, what it has kept, and waiting for what it comes to."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


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


def kept_rows(folder: Path) -> int:
    """Return how many rows the journal of a running build knows."""
    # Of a copy: the builder lets nobody else in.
    copy = folder / "copied"
    copy.mkdir(exist_ok=True)
    for name in ("journal.sqlite", "journal.sqlite-wal"):
        with suppress(FileNotFoundError):
            shutil.copy(folder / "calib.npy.build" / name, copy / name)
    try:
        with closing(sqlite3.connect(copy / "journal.sqlite")) as database:
            return database.execute("SELECT count(*) FROM done").fetchone()[0]
    except sqlite3.DatabaseError:
        return 0
    finally:
        shutil.rmtree(copy)
