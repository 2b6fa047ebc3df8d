"""A Dask cluster of real processes, each with an address, or a network, of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from distributed import Client

import faults
from sessions import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Place(NamedTuple):
    """Where a worker runs: words before its command, its address, and the scheduler's for it."""

    before: tuple[str, ...]
    own: str
    scheduler: str


def on_loopback(number: int) -> Place:
    return Place((), f"127.0.0.{number}", "127.0.0.1")


def in_namespace(number: int) -> Place:
    """Make a network namespace with one link to this one; root can, in a mount namespace."""
    name, near, far = f"w{number}", f"10.9.{number}.1", f"10.9.{number}.2"
    inside = ("ip", "netns", "exec", name)
    for words in (
        ("ip", "netns", "add", name),
        ("ip", "link", "add", name, "type", "veth", "peer", "name", "uplink", "netns", name),
        ("ip", "address", "add", f"{near}/24", "dev", name),
        ("ip", "link", "set", name, "up"),
        (*inside, "ip", "address", "add", f"{far}/24", "dev", "uplink"),
        (*inside, "ip", "link", "set", "uplink", "up"),
        (*inside, "ip", "link", "set", "lo", "up"),
    ):
        subprocess.run(words, check=True)
    return Place(inside, far, near)


class DaskProcesses:
    """A scheduler and workers, to be ended with `close`.

    Attributes
    ----------
    address
        The scheduler's.
    workers
        Processes by number.
    """

    def __init__(
        self,
        folder: Path,
        place: Callable[[int], Place] = on_loopback,
        host: str = "127.0.0.1",
        **environment: str,
    ) -> None:
        self._place = place
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self.workers: dict[int, subprocess.Popen] = {}
        told = folder / "scheduler.json"
        words = ("scheduler", "--host", host, "--port", "0", "--no-show")
        self.scheduler = self._start(words, ("--scheduler-file", told), **environment)
        try:
            wait_until(lambda: told.exists() and told.read_text().endswith("}"), self.scheduler)
        except BaseException:
            self.close()
            raise
        self._port = json.loads(told.read_text())["address"].rpartition(":")[2]
        self.address = f"tcp://127.0.0.1:{self._port}"

    def start_workers(self, *numbers: int, met: tuple = (), nanny: bool = False) -> None:
        """Start workers of one thread that meet faults, and wait until they are there."""
        addresses = set()
        for number in numbers:
            place = self._place(number)
            address = f"tcp://{place.scheduler}:{self._port}"
            words = ("worker", address, "--host", place.own, "--nthreads", 1)
            more = ("--nanny" if nanny else "--no-nanny", "--local-directory", self._folder)
            self.workers[number] = self._start(
                words, more, before=place.before, **faults.environment(*met)
            )
            addresses.add(f"tcp://{place.own}:")
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

    def _start(
        self, words: tuple, more: tuple, before: tuple = (), **environment: str
    ) -> subprocess.Popen:
        log = self._folder / f"{words[0]}-{len(self.workers)}.log"
        with log.open("a") as file:
            return subprocess.Popen(
                [*before, sys.executable, "-m", "dask", *map(str, words + more), "--no-dashboard"],
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
