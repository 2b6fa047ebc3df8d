"""The workers of one build, through joblib."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from streamcalib.building.stopping import (
    TasksHere,
    close_quietly,
    loky_ending_quietly,
    signals_held_back,
)
from streamcalib.building.worker import Item, Report, Work, make_rows
from streamcalib.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

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
        here = TasksHere()
        task = joblib.delayed(make_rows if work.own_process else here.make_rows)
        with loky_ending_quietly():
            try:
                with signals_held_back(processes=work.own_process):
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
                    close_quietly(results)
                here.stop()


def _note(report: Report, table: RowTable) -> None:
    item = report.item
    if report.facts is None:
        table.fail(item.source, report.reason)
    else:
        table.record(item.row, item.source, report.source_bytes, report.facts)
