"""What a command costs: seconds and memory of its whole process.

Imports nothing big: a new process's largest memory is counted from its parent's on.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any


def work(command: list[str]) -> dict[str, Any]:
    """Run a command and return its wall time in seconds and its largest memory in bytes.

    Raises
    ------
    RuntimeError
        If it does not end with exit code 0.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"the command ended with exit code {process.returncode}")
    return {"seconds": seconds, "peak_bytes": usage.ru_maxrss * 1024}
