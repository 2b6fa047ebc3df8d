"""A Dask cluster of real processes, each with an address of its own on the loopback interface."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from distributed import Client

import faults
from sessions import wait_until

if TYPE_CHECKING:
    from pathlib import Path


class DaskProcesses:
    """A scheduler and workers, to be ended with `close`.

    Attributes
    ----------
    address
        The scheduler's.
    workers
        Processes by number; worker ``i`` is at 127.0.0.``i``.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self.workers: dict[int, subprocess.Popen] = {}
        told = folder / "scheduler.json"
        words = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-show")
        self.scheduler = self._start(words, ("--scheduler-file", told), **environment)
        try:
            wait_until(lambda: told.exists() and told.read_text().endswith("}"), self.scheduler)
        except BaseException:
            self.close()
            raise
        self.address = json.loads(told.read_text())["address"]

    def start_workers(self, *numbers: int, met: tuple = (), nanny: bool = False) -> None:
        """Start workers of one thread that meet faults, and wait until they are there."""
        for number in numbers:
            words = ("worker", self.address, "--host", f"127.0.0.{number}", "--nthreads", 1)
            more = ("--nanny" if nanny else "--no-nanny", "--local-directory", self._folder)
            self.workers[number] = self._start(words, more, **faults.environment(*met))
        addresses = {f"tcp://127.0.0.{number}:" for number in numbers}
        with Client(self.address, set_as_default=False) as client:
            wait_until(
                lambda: addresses <= {f"{name.rpartition(':')[0]}:" for name in client.nthreads()},
                self.workers[numbers[0]],
            )

    def kill_worker(self, number: int) -> None:
        """End a worker, and its nanny if it has one, at once."""
        _kill(self.workers.pop(number))

    def close(self) -> None:
        for process in (*self.workers.values(), self.scheduler):
            _kill(process)

    def _start(self, words: tuple, more: tuple, **environment: str) -> subprocess.Popen:
        log = self._folder / f"{words[0]}-{len(self.workers)}.log"
        with log.open("a") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, words + more), "--no-dashboard"],
                cwd=self._folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )


def _kill(process: subprocess.Popen) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
