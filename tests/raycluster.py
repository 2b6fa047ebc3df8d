"""A Ray cluster of real processes on this host."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil

import faults
from sessions import session_of, wait_until

if TYPE_CHECKING:
    from pathlib import Path

_ADDRESS = re.compile(r"--address='([^']+)'")
_PROGRAM = "from ray.scripts.scripts import main; main()"


class RayProcesses:
    """A head with some processors, whose workers meet faults; to be ended with `close`.

    Attributes
    ----------
    address
        The cluster's.
    """

    def __init__(self, folder: Path, processors: int, *met: dict[str, Any]) -> None:
        words = (
            *("start", "--head", "--port", "0", "--num-cpus", processors, "--block"),
            *("--include-dashboard", "false", "--disable-usage-stats"),
            *("--object-store-memory", 80_000_000, "--temp-dir", folder),
        )
        self._log = folder / "start.log"
        with self._log.open("w") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, *map(str, words)],
                cwd=folder,
                env=faults.environment(*met),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            wait_until(lambda: _ADDRESS.search(self._log.read_text()) is not None, self._process)
        except BaseException:
            self.close()
            raise
        self.address = _ADDRESS.search(self._log.read_text())[1]

    def actors(self) -> list[psutil.Process]:
        """Return the workers of builds."""
        found = []
        for process in self._descendants():
            with suppress(psutil.NoSuchProcess):
                if "PoolActor" in process.cmdline()[0]:
                    found.append(process)
        return found

    def _descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def close(self) -> None:
        left = [*self._descendants(), *session_of(self._process)]
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
