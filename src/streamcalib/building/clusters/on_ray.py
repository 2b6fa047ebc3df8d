"""Ray's workers, through Ray's backend for joblib."""

from __future__ import annotations

import os
import socket
import time
import warnings
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import joblib

from streamcalib.building.clusters.cluster import CONNECT_SECONDS, in_a_line
from streamcalib.errors import InputError, MissingExtraError, StoppedError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from streamcalib.building.clusters.attempts import Lost
    from streamcalib.building.worker import Outcome, Task

_Result = TypeVar("_Result")

# Results are told once all of a round are done, and a worker that dies loses the whole round's.
_TASKS_A_WORKER = 4
# Of one job joblib makes none, and works in this process.
_LEAST_WORKERS = 2
_ANSWER_SECONDS = 30.0
_LOOK_SECONDS = 1.0
_MOST_LOOKS = 60


class RayCluster:
    """The workers of a Ray cluster; see `Cluster`.

    Parameters
    ----------
    address
        Its address, like ``host:6379``, or ``auto``; by default ``RAY_ADDRESS``.

    Raises
    ------
    MissingExtraError
        If ray is not installed.
    InputError
        If no cluster is there, or it is too small.
    """

    def __init__(self, address: str | None) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError(
                "--backend ray needs the package ray: pip install 'streamcalib[ray]'."
            ) from error
        address = _checked(address or os.environ.get("RAY_ADDRESS"))
        self._ray, self._shown = ray, printable(address)
        # A program that has joined a cluster itself stays there.
        self._leaves = not ray.is_initialized()
        if self._leaves:
            self._join(address)
        self._pool: joblib.Parallel | None = None
        if self.workers < _LEAST_WORKERS:
            self.close()
            raise InputError(
                f"the Ray cluster at {self._shown} (--address) has fewer than {_LEAST_WORKERS} "
                "processors: start more of it with 'ray start'."
            )

    def _join(self, address: str) -> None:
        try:
            if address != "auto":
                # Ray itself would seek it for minutes.
                _knock(address)
            self._ray.init(address, log_to_driver=False, logging_level="error")
        except Exception as error:  # whatever may answer there
            with suppress(Exception):
                self._ray.shutdown()
            raise InputError(
                f"no Ray cluster answers at {self._shown} (--address): "
                f"{in_a_line(error)}. Start it with 'ray start "
                "--head', or correct the address."
            ) from error

    @property
    def workers(self) -> int:
        """How many processors all nodes have."""
        return int(self._ray.cluster_resources().get("CPU", 0))

    def ask(self, question: Callable[[], _Result]) -> Mapping[str, _Result | object]:
        """Ask a worker on every node that has processors; see `Cluster.ask`."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        asked: dict[str, Any] = {}
        for node in self._ray.nodes():
            if node["Alive"] and node["Resources"].get("CPU"):
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                # It may ask while all processors are at work.
                remote = self._ray.remote(num_cpus=0, scheduling_strategy=there)(_said)
                # The node's number tells apart those that share an address.
                name = f"{node['NodeManagerAddress']} (node {node['NodeID'][:8]})"
                asked[name] = remote.remote(question)
        return {worker: self._answer(reference) for worker, reference in asked.items()}

    def _answer(self, reference: Any) -> object:
        try:
            said: object = self._ray.get(reference, timeout=_ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001 (the caller says what it was)
            return error
        return said

    def wave(
        self,
        do: Callable[[int, Task], tuple[int, Outcome | Lost]],
        lost: Callable[[int], Lost],
        tasks: Iterable[tuple[int, Task]],
        jobs: int,
    ) -> Generator[tuple[int, Outcome | Lost]]:
        """Do tasks; see `Cluster.wave`. It ends with the first worker that dies."""
        waiting = iter(tasks)
        task = joblib.delayed(do)
        while sent := list(islice(waiting, 1 if jobs == 1 else jobs * _TASKS_A_WORKER)):
            try:
                results = self._workers_of(jobs)(task(number, t) for number, t in sent)
            except self._ray.exceptions.RayActorError:
                # joblib has ended the others too.
                self._pool = None
                for number, _ in sent:
                    yield number, lost(number)
                return
            except self._ray.exceptions.RayError as error:
                raise StoppedError(
                    f"the Ray cluster at {self._shown} gave a task up "
                    f"({type(error).__name__}: {in_a_line(error)}). Run the same command "
                    "again once it is well."
                ) from error
            yield from results

    def _workers_of(self, jobs: int) -> joblib.Parallel:
        """Return the pool of workers, whose processes take seconds to start."""
        if self._pool is None:
            from streamcalib.building.clusters.ray_backend import OnceRayBackend

            self._wait_for_nodes()
            processes = max(_LEAST_WORKERS, min(jobs, self.workers))
            with joblib.parallel_config(backend=OnceRayBackend()):
                pool = joblib.Parallel(n_jobs=processes, batch_size=1, pre_dispatch="all")
            self._pool = pool.__enter__()
        return self._pool

    def _wait_for_nodes(self) -> None:
        """Wait until Ray knows of hosts that have died: workers that it starts there never come."""
        for _ in range(_MOST_LOOKS):
            answers = self.ask(os.getpid)
            if all(isinstance(said, int) for said in answers.values()):
                break
            time.sleep(_LOOK_SECONDS)
        if self.workers < _LEAST_WORKERS:
            raise StoppedError(
                f"the Ray cluster at {self._shown} has fewer than {_LEAST_WORKERS} processors "
                "left. Start more of it, and run the same command again."
            )

    def close(self) -> None:
        """End the workers, and leave the cluster if it was joined here."""
        pool, self._pool = self._pool, None
        try:
            if pool is not None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    pool.__exit__(None, None, None)
        finally:
            if self._leaves:
                self._ray.shutdown()


def _said(question: Callable[[], _Result]) -> _Result:
    return question()


def _checked(address: str | None) -> str:
    """Return an address of a cluster that is there already."""
    if not address:
        raise InputError(
            "--backend ray needs the address of a cluster: say --address HOST:6379, or --address "
            "auto on one of its hosts, or set RAY_ADDRESS."
        )
    if address == "local" or "://" in address:
        raise InputError(
            f"--address {printable(address)} is not one that this build can join: run it on a host "
            "of the cluster, and say HOST:6379 or auto."
        )
    return address


def _knock(address: str) -> None:
    """Connect once; raises ``OSError`` or ``ValueError``."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) >= 2**16:
        raise ValueError("it should be like HOST:6379")
    socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
