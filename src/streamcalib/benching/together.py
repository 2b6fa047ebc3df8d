"""Tasks side by side in joblib's workers, configured as those of a build, one task a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import joblib
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from streamcalib.errors import StoppedError
from streamcalib.workers.stopping import (
    TasksHere,
    close_quietly,
    loky_ending_quietly,
    signals_held_back,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamcalib.building.options import Backend

_Order = TypeVar("_Order")
_Result = TypeVar("_Result")


def side_by_side(
    do: Callable[[_Order], _Result],
    orders: Sequence[_Order],
    backend: Backend,
    on_end: Callable[[], None] = lambda: None,
) -> list[_Result]:
    """Do all orders at once, each in a worker of its own, and return the results in any order.

    Parameters
    ----------
    do
        Can be pickled where workers are processes.
    on_end
        Called when all is done or something went wrong, so that tasks which wait for others end.

    Raises
    ------
    StoppedError
        If a worker process dies.
    """
    jobs = len(orders)
    processes = backend == "loky" and jobs > 1
    settings: dict[str, Any] = {"backend": backend}
    if backend == "loky":
        settings["inner_max_num_threads"] = 1
    with joblib.parallel_config(**settings):
        parallel = joblib.Parallel(
            n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="all"
        )
    here = TasksHere()
    task = joblib.delayed(do if processes else here.around(do))
    results = None
    with loky_ending_quietly():
        try:
            with signals_held_back(processes=processes):
                results = parallel(map(task, orders))
            return list(results)
        except TerminatedWorkerError as error:
            raise StoppedError(
                "a worker process died, most often for lack of memory. Run the same command again "
                "with fewer --jobs."
            ) from error
        finally:
            on_end()
            if results is not None:
                close_quietly(results)
            here.stop()


def end_workers(backend: Backend) -> None:
    """End worker processes that wait for more, so that the next ones have to start."""
    if backend == "loky":
        get_reusable_executor(reuse=True).shutdown(wait=True)
