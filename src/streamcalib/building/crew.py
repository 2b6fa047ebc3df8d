"""The workers of one build, through joblib."""

from __future__ import annotations

import signal
import threading
import warnings
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

import joblib
from joblib.externals.loky.backend import resource_tracker as loky_resource_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError

from streamcalib.building.worker import Item, Report, Work, make_rows
from streamcalib.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.building.rowtable import RowTable
    from streamcalib.progress import Counter
    from streamcalib.stores.npy import NpyStore


class Crew:
    """The workers of one build."""

    def __init__(self, prepared: PreparedBuild, store: NpyStore, counter: Counter) -> None:
        options, jobs = prepared.options, prepared.plan.jobs
        self._counter = counter
        self._jobs, self._backend = jobs, options.backend
        self._work = Work(
            recipe=prepared.recipe,
            store=store,
            bases=prepared.images.bases,
            decoder=options.decoder,
            max_pixels=options.max_pixels,
            tolerate_damage=options.tolerate_damage,
            own_process=options.backend == "loky" and jobs > 1,
        )

    def make(self, tasks: Iterable[list[Item]], table: RowTable) -> None:
        """Make the rows of all tasks and note what becomes of them."""
        with closing(self._run(self._work, tasks)) as results:
            for reports in results:
                for report in reports:
                    _note(report, table)
                bad = sum(report.facts is None for report in reports)
                self._counter.add(len(reports) - bad, bad)

    def find_good(self, items: list[Item], table: RowTable) -> list[Item]:
        """Return those of ``items`` whose image can become a row; note the others as bad."""
        good = []
        trial = replace(self._work, store=None)
        with closing(self._run(trial, ([item] for item in items))) as results:
            for reports in results:
                for report in reports:
                    if report.facts is None:
                        _note(report, table)
                    else:
                        good.append(report.item)
        return sorted(good, key=lambda item: item.source)

    def _run(self, work: Work, tasks: Iterable[list[Item]]) -> Generator[list[Report]]:
        settings: dict[str, Any] = {"backend": self._backend}
        if self._backend == "loky":
            settings["inner_max_num_threads"] = 1
        with joblib.parallel_config(**settings):
            # Unordered results are told as they are completed, so that progress counts what is
            # done; few tasks wait, so that little is lost when the build is stopped.
            parallel = joblib.Parallel(
                n_jobs=self._jobs,
                return_as="generator_unordered",
                batch_size=1,
                pre_dispatch="2*n_jobs",
            )
        results: Generator[list[Report]] | None = None
        here = _TasksHere()
        task = joblib.delayed(make_rows if work.own_process else here.make_rows)
        with _loky_ending_quietly():
            try:
                with _signals_held_back(processes=work.own_process):
                    results = parallel(task(work, items) for items in tasks)
                for reports in results:  # noqa: UP028 ("yield from" would close them, and aloud)
                    yield reports
            except TerminatedWorkerError as error:
                raise StoppedError(
                    "a worker process died, most often for lack of memory or because one image "
                    "crashed the decoder. Run the same command again with fewer --jobs."
                ) from error
            finally:
                if results is not None:
                    _close(results)
                here.stop()


class _TasksHere:
    """The tasks that run in threads of this process.

    Nobody can kill a thread, and one that still decodes while Python ends takes the process down
    with it: whoever ends a build early waits for the tasks begun.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._stopped = False

    def make_rows(self, work: Work, items: Sequence[Item]) -> list[Report]:
        with self._changed:
            if self._stopped:
                return []
            self._running += 1
        try:
            return make_rows(work, items)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.wait_for(lambda: not self._running)


def _close(results: Generator[list[Report]]) -> None:
    """End the workers' tasks, without joblib's warning: what ended the build is told by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        results.close()


@contextmanager
def _loky_ending_quietly() -> Iterator[None]:
    """Keep quiet what loky's thread stumbles over if a task comes in as it is ended."""
    outspoken = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        ended = getattr(getattr(failure.thread, "executor_flags", None), "shutdown", False)
        if not ended or failure.exc_type is not KeyError:
            outspoken(failure)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = outspoken


@contextmanager
def _signals_held_back(processes: bool) -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back while workers start, since nobody could end them half-way.

    Processes that are started meanwhile never get Ctrl-C: a terminal sends it to every process,
    and only the parent shall act on it.
    """
    if not processes or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting on demand, these helpers of the workers' queues would let Ctrl-C through again.
    resource_tracker.ensure_running()
    loky_resource_tracker.ensure_running()
    came: list[int] = []
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        # The mask is this thread's alone, and Python's handler is called whichever gets the signal.
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not None:
                handlers[number] = signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if came:
            signal.raise_signal(came[0])


def _note(report: Report, table: RowTable) -> None:
    item = report.item
    if report.facts is None:
        table.fail(item.source, report.reason)
    else:
        table.record(item.row, item.source, report.source_bytes, report.facts)
