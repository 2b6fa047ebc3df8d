"""The workers of one build, through joblib."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from streamcalib.building.pace import Pace
from streamcalib.building.stopping import (
    TasksHere,
    close_quietly,
    loky_ending_quietly,
    signals_held_back,
)
from streamcalib.building.worker import Outcome, Task, Work, forget_tools, make_rows
from streamcalib.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.building.rowtable import RowTable
    from streamcalib.progress import Counter
    from streamcalib.stores.npy import NpyStore


# From so many on, as measured, they are faster through mappings into a file in memory. Threads are
# not: they share the mapping's lock.
_MANY_WORKERS = 8


class Crew:
    """The workers of one build."""

    def __init__(self, prepared: PreparedBuild, store: NpyStore, counter: Counter) -> None:
        options, plan = prepared.options, prepared.plan
        self._counter = counter
        self._jobs, self._backend = plan.jobs, options.backend
        own_process = options.backend == "loky" and plan.jobs > 1
        self._work = Work(
            build=uuid4().hex,
            recipe=prepared.recipe,
            store=store,
            encodes=plan.staged == "final",
            rows_at_once=plan.rows_at_once,
            window_bytes=options.cache_window // plan.jobs,
            bases=prepared.images.bases,
            decoder=options.decoder,
            max_pixels=options.max_pixels,
            max_file_bytes=options.max_file_bytes,
            confines=prepared.confines,
            tolerate_damage=options.tolerate_damage,
            own_process=own_process,
            mapped=own_process and plan.jobs >= _MANY_WORKERS,
        )

    def make_all(self, entries: Sequence[str], table: RowTable) -> None:
        """Make row i of image i, for all of them, and note what becomes of them."""
        pace = Pace(len(entries), self._jobs)
        tasks = (Task(r, r, entries[r.start : r.stop]) for r in pace.ranges())
        with closing(self._run(tasks)) as outcomes:
            for outcome in outcomes:
                pace.note(len(outcome.made.rows) + len(outcome.failures), outcome.seconds)
                self._note(outcome, table)

    def make(self, tasks: Iterable[Task], table: RowTable) -> None:
        """Make the rows of all tasks and note what becomes of them."""
        with closing(self._run(tasks)) as outcomes:
            for outcome in outcomes:
                self._note(outcome, table)

    def find_good(self, tasks: Iterable[Task], table: RowTable) -> list[int]:
        """Return the sources of those images that can become rows, ascending; note the others."""
        good: list[int] = []
        with closing(self._run(tasks, trial=True)) as outcomes:
            for outcome in outcomes:
                good += outcome.made.columns["source"].tolist()
                for source, reason in outcome.failures:
                    table.fail(source, reason)
        return sorted(good)

    def _note(self, outcome: Outcome, table: RowTable) -> None:
        table.record(outcome.made)
        for source, reason in outcome.failures:
            table.fail(source, reason)
        self._counter.add(len(outcome.made.rows), len(outcome.failures))

    def _run(self, tasks: Iterable[Task], *, trial: bool = False) -> Generator[Outcome]:
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
        results: Generator[Outcome] | None = None
        here = TasksHere()
        make = partial(make_rows, self._work, trial=trial)
        if not self._work.own_process:
            make = partial(here.around(make), stopped=here.is_stopped)
        task = joblib.delayed(make)
        with loky_ending_quietly():
            try:
                with signals_held_back(processes=self._work.own_process):
                    results = parallel(map(task, tasks))
                for outcome in results:  # noqa: UP028 ("yield from" would close them, and aloud)
                    yield outcome
            except TerminatedWorkerError as error:
                raise StoppedError(
                    "a worker process died, most often for lack of memory or because one image "
                    "crashed the decoder. Run the same command again with fewer --jobs."
                ) from error
            finally:
                if results is not None:
                    close_quietly(results)
                here.stop()
                # A single worker is this thread, which goes on to other things.
                forget_tools()
