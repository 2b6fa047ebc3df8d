"""The processes of a child's session, and waiting for what it comes to."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


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
