"""What every cluster does, and which one a build's options ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from streamcalib.errors import InputError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from streamcalib.building.clusters.attempts import Lost
    from streamcalib.building.worker import Outcome, Task

_Result = TypeVar("_Result")

CLUSTERS = ("dask", "ray")
"""The backends that are clusters."""

CONNECT_SECONDS = 5.0
"""How long a cluster is sought."""
PATIENCE_SECONDS = 10.0
"""How long its first worker is waited for."""


class Cluster(Protocol):
    """A cluster that this process has joined."""

    @property
    def workers(self) -> int:
        """How many tasks it does at once."""
        ...

    def ask(self, question: Callable[[], _Result]) -> Mapping[str, _Result | object]:
        """Return every worker's answer by its address; an exception, if that is what came.

        ``question`` can be pickled.
        """
        ...

    def wave(
        self,
        do: Callable[[int, Task], tuple[int, Outcome | Lost]],
        lost: Callable[[int], Lost],
        tasks: Iterable[tuple[int, Task]],
        jobs: int,
    ) -> Generator[tuple[int, Outcome | Lost]]:
        """Do numbered tasks, ``jobs`` at once, and yield what comes back of each, in any order.

        ``lost`` tells of a task whose worker died. The wave may end before its tasks.

        Raises
        ------
        StoppedError
            If the cluster is gone, or what a task raised.
        """
        ...

    def close(self) -> None:
        """Leave the cluster."""
        ...


def join_cluster(backend: str, scheduler: str | None, address: str | None) -> Cluster:
    """Join the cluster of a backend.

    Raises
    ------
    MissingExtraError
        If the backend's package is not installed.
    InputError
        If there is no cluster at the address, or it has no worker.
    """
    if backend == "dask":
        from streamcalib.building.clusters.on_dask import DaskCluster

        return DaskCluster(scheduler)
    from streamcalib.building.clusters.on_ray import RayCluster

    return RayCluster(address)


def in_a_line(error: BaseException) -> str:
    """Return what another package's error says, for messages."""
    return printable(" ".join(str(error).split()) or type(error).__name__)


def check_addresses(backend: str, scheduler: str | None, address: str | None) -> None:
    """Make sure that addresses are given for their own backend alone.

    Raises
    ------
    InputError
        If one is not.
    """
    if scheduler is not None and backend != "dask":
        raise InputError("--scheduler is the address of a Dask cluster: say --backend dask.")
    if address is not None and backend != "ray":
        raise InputError("--address is the address of a Ray cluster: say --backend ray.")
