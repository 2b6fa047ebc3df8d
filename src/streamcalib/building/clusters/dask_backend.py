"""joblib's backend for Dask, which here also hears of tasks that do not come back.

joblib's own waits for ever for a task that Dask gives up because its workers died, or whose
scheduler is gone. Needs the package distributed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributed import KilledWorker
from joblib._dask import DaskDistributedBackend

from streamcalib.building.clusters.cluster import PATIENCE_SECONDS, in_a_line
from streamcalib.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamcalib.building.clusters.attempts import Lost


class DaskBackend(DaskDistributedBackend):  # type: ignore[misc]
    """A backend for one wave of numbered tasks, one in a batch.

    Parameters
    ----------
    client
        Of the scheduler.
    lost
        Tells of a task whose worker died.
    jobs
        How many tasks are done at once.
    """

    def __init__(self, client: Any, lost: Callable[[int], Lost], jobs: int) -> None:
        super().__init__(client=client, wait_for_workers_timeout=PATIENCE_SECONDS)
        self._lost, self._jobs = lost, jobs
        self._out: dict[int, Callable[[Any], None]] = {}

    def effective_n_jobs(self, n_jobs: int) -> int:  # noqa: ARG002
        """Return the number of jobs, two at least: one alone joblib does in this process."""
        return max(2, self._jobs)

    def submit(self, func: Any, callback: Callable[[Any], None]) -> Any:
        """Send a batch, and have ``callback`` told of it once, whatever becomes of it."""
        ((_, (number, _), _),) = func.items
        self._out[number] = callback

        def tell_error(future: Any) -> None:
            if future.exception() is not None:
                self._tell(number, _Unmade(number, future.exception()))

        future = super().submit(func, lambda out: self._tell(number, out))
        future.add_done_callback(tell_error)
        return future

    def give_up(self, error: StoppedError) -> None:
        """End the wave with an error."""
        for number in list(self._out):
            self._tell(number, _Unmade(number, error))

    def _tell(self, number: int, out: Any) -> None:
        callback = self._out.pop(number, None)
        if callback is not None:
            callback(out)

    def retrieve_result_callback(self, out: Any) -> Any:
        """Return the results of a batch; a task whose workers died is told as `Lost`."""
        if isinstance(out, _Unmade):
            if isinstance(out.error, KilledWorker):
                return [(out.number, self._lost(out.number)._replace(had_begun=True))]
            raise _gone(out.error) from out.error
        if isinstance(out, BaseException):
            raise _gone(out) from out
        return super().retrieve_result_callback(out)


class _Unmade:
    """What is told of a task that raised nothing itself, and has no result."""

    def __init__(self, number: int, error: BaseException) -> None:
        self.number, self.error = number, error


def _gone(error: BaseException) -> StoppedError:
    if isinstance(error, StoppedError):
        return error
    return StoppedError(
        f"the Dask cluster gave a task up ({type(error).__name__}: {in_a_line(error)}): its "
        "scheduler may be gone. Run the same command again once it is back."
    )
