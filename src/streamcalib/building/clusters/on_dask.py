"""Dask's workers, through joblib's backend for them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import joblib

from streamcalib.building.clusters.cluster import CONNECT_SECONDS, PATIENCE_SECONDS, in_a_line
from streamcalib.errors import InputError, MissingExtraError, StoppedError
from streamcalib.wording import printable
from streamcalib.workers.stopping import close_quietly

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from streamcalib.building.clusters.attempts import Lost
    from streamcalib.building.worker import Outcome, Task

_Result = TypeVar("_Result")

_client_log = logging.getLogger("distributed.client")
_LOOK_SECONDS = 1.0
# A nanny starts another worker within seconds.
_LONELY_SECONDS = 30.0


class DaskCluster:
    """The workers of a Dask scheduler; see `Cluster`.

    Parameters
    ----------
    scheduler
        Its address, like ``tcp://host:8786``; by default what Dask's configuration says, which
        takes it from ``DASK_SCHEDULER_ADDRESS``.

    Raises
    ------
    MissingExtraError
        If distributed is not installed.
    InputError
        If no scheduler or no worker is there.
    """

    def __init__(self, scheduler: str | None) -> None:
        try:
            import dask
            import distributed  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                "--backend dask needs the package distributed: pip install 'streamcalib[dask]'."
            ) from error
        address = scheduler or dask.config.get("scheduler-address", None)
        if not address:
            raise InputError(
                "--backend dask needs the address of a scheduler: say --scheduler "
                "tcp://HOST:8786, or set DASK_SCHEDULER_ADDRESS."
            )
        self._shown = printable(str(address))
        # What it tells with tracebacks is told here by errors.
        self._level = _client_log.level
        _client_log.setLevel(logging.CRITICAL)
        try:
            self._client = self._joined(str(address))
        except BaseException:
            _client_log.setLevel(self._level)
            raise

    def _joined(self, address: str) -> Any:
        from distributed import Client

        try:
            # In a thread: a notebook runs a loop of its own in this one.
            with ThreadPoolExecutor(1) as pool:
                pool.submit(asyncio.run, _knock(address)).result()
            client = Client(
                address, timeout=CONNECT_SECONDS, set_as_default=False, name="streamcalib"
            )
        except Exception as error:  # whatever may answer there
            raise InputError(
                f"no Dask scheduler answers at {self._shown} (--scheduler): "
                f"{in_a_line(error)}. Start it with 'dask scheduler', "
                "or correct the address."
            ) from error
        try:
            client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
        except (OSError, TimeoutError) as error:
            client.close()
            raise InputError(
                f"the Dask scheduler at {self._shown} (--scheduler) has no worker: start some with "
                f"'dask worker {self._shown}'."
            ) from error
        return client

    @property
    def workers(self) -> int:
        """How many threads all workers have."""
        return sum(self._client.nthreads().values())

    def ask(self, question: Callable[[], _Result]) -> Mapping[str, _Result | object]:
        """Ask every worker; see `Cluster.ask`."""
        answers: dict[str, object] = self._client.run(question, on_error="return")
        return answers

    def wave(
        self,
        do: Callable[[int, Task], tuple[int, Outcome | Lost]],
        lost: Callable[[int], Lost],
        tasks: Iterable[tuple[int, Task]],
        jobs: int,
    ) -> Generator[tuple[int, Outcome | Lost]]:
        """Do tasks; see `Cluster.wave`. All come back."""
        from streamcalib.building.clusters.dask_backend import DaskBackend

        backend = DaskBackend(self._client, lost, jobs)
        with joblib.parallel_config(backend=backend):
            # joblib takes all workers that there are: fewer are kept busy by fewer tasks.
            parallel = joblib.Parallel(
                n_jobs=jobs,
                return_as="generator_unordered",
                batch_size=1,
                pre_dispatch=jobs if jobs < self.workers else 2 * jobs,
            )
        task = joblib.delayed(do)
        results: Generator[tuple[int, Outcome | Lost]] | None = None
        with _Company(self._client, backend.give_up, self._shown):
            try:
                results = parallel(task(number, t) for number, t in tasks)
                yield from results
            finally:
                if results is not None:
                    close_quietly(results)

    def close(self) -> None:
        """Leave; tasks that wait for workers are forgotten."""
        try:
            self._client.close()
        finally:
            _client_log.setLevel(self._level)


async def _knock(address: str) -> None:
    """Connect once: a client that cannot would still try for a while as it is thrown away."""
    from distributed import Security
    from distributed.comm import connect

    arguments = Security().get_connection_args("client")
    await (await connect(address, timeout=CONNECT_SECONDS, **arguments)).close()


class _Company:
    """Gives a wave up once there has been no worker for a while: joblib would wait for ever."""

    def __init__(self, client: Any, give_up: Callable[[StoppedError], None], shown: str) -> None:
        self._client, self._give_up, self._shown = client, give_up, shown
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, name="streamcalib-dask", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()

    def _look(self) -> None:
        last = time.monotonic()
        while not self._done.wait(_LOOK_SECONDS):
            try:
                alone = not self._client.nthreads()
            except Exception:  # noqa: BLE001 (a closed client raises several kinds)
                alone = True
            if not alone:
                last = time.monotonic()
            elif time.monotonic() - last > _LONELY_SECONDS:
                self._give_up(
                    StoppedError(
                        f"the Dask scheduler at {self._shown} has had no worker for "
                        f"{_LONELY_SECONDS:g} s. Start some, and run the same command again."
                    )
                )
                return
