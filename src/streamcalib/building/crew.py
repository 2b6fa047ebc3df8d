"""The workers of one build, through joblib; those that die are replaced."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import joblib
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError

from streamcalib.building.alone import make_alone
from streamcalib.building.clusters.sending import Sending
from streamcalib.building.dealing import edges_of, task_of
from streamcalib.building.pace import Pace
from streamcalib.building.sent import Sent, parted
from streamcalib.building.watch import Watch
from streamcalib.building.worker import Outcome, Task, Work, forget_tools, make_rows
from streamcalib.errors import StoppedError
from streamcalib.wording import counted
from streamcalib.workers.stopping import (
    TasksHere,
    close_quietly,
    loky_ending_quietly,
    signals_held_back,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from numpy.typing import NDArray

    from streamcalib.building.clusters.cluster import Cluster
    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.building.rowtable import RowTable
    from streamcalib.journal import Journal
    from streamcalib.progress import Counter
    from streamcalib.stores.store import Store
    from streamcalib.workers.marks import Marks


# From so many on, as measured, they are faster through mappings into a file in memory. Threads are
# not: they share the mapping's lock.
_MANY_WORKERS = 8
# So many times workers may die in a row without a row made or an image found that kills them.
_MOST_DEATHS = 3
# Whoever interrupts a build twice waits no longer for a thread that hangs.
_PATIENCE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Desk(NamedTuple):
    """What a crew reports to.

    Attributes
    ----------
    table, journal
        Where rows and failures are noted.
    wrote, make_durable
        Is told of rows that were written; brings those to disk, and raises ``OSError``.
    counter
        Where they are counted.
    marks
        What workers are at.
    """

    table: RowTable
    journal: Journal
    wrote: Callable[[NDArray[np.int64]], None]
    make_durable: Callable[[], None]
    counter: Counter
    marks: Marks


class Crew:
    """The workers of one build; of a cluster, if it has joined one.

    Attributes
    ----------
    is_stopped
        Whether they were told to stop.
    rows_together
        How many rows, from a multiple of them on, only one worker may write.
    retries
        How many requests for images behind URLs were tried again.
    """

    def __init__(
        self, prepared: PreparedBuild, store: Store, desk: Desk, cluster: Cluster | None = None
    ) -> None:
        options, plan = prepared.options, prepared.plan
        self._desk, self._images = desk, prepared.images
        self._jobs, self._backend = plan.jobs, options.backend
        self._image_timeout = options.image_timeout
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
            marks=None if cluster else desk.marks.folder,
        )
        self._sending: Sending | None = None
        if cluster is not None:
            self._sending = Sending(
                cluster, self._work, desk.marks.folder, plan.jobs, options.image_timeout
            )
            self._sending.check(prepared.images)
        self.rows_together = store.rows_together
        self._suspects: frozenset[int] = frozenset()
        self.is_stopped, self.retries = False, 0

    def stop(self) -> None:
        """Have workers stop before their next image; what is under way then returns early."""
        self.is_stopped = True
        self._desk.marks.stop()
        if self._sending is not None:
            self._sending.stop()

    def make_suspects(self, suspects: frozenset[int]) -> None:
        """Make the rows of images that may have ended a build, where they can harm nobody.

        Spares among them are tried in the same way once their turn comes.
        """
        self._suspects = suspects
        done = self._desk.table.columns["done"]
        rows = sorted(row for row in suspects if row < len(done) and not done[row])
        tasks = (Task((row,), (row,), (self._images[row],)) for row in rows)
        with closing(self._alone(tasks)) as outcomes:
            for outcome in outcomes:
                self._note(outcome)
        # The next one that ends this process must not take along what is known of these.
        self.commit()

    def make_all(self) -> None:
        """Make row i of image i, for all that are not done, and note what becomes of them."""
        table, images = self._desk.table, self._images
        rows = np.setdiff1d(np.flatnonzero(table.columns["done"] == 0), table.bad_sources)
        # Rows that only one worker may write go to it in one task.
        edges = edges_of(rows, self.rows_together)
        pace = Pace(len(edges) - 1, self._jobs)
        tasks = (task_of(rows[edges[r.start] : edges[r.stop]], images) for r in pace.ranges())
        with closing(self._run(tasks)) as outcomes:
            for outcome in outcomes:
                tried = len(outcome.made.rows) + len(outcome.failures)
                pace.note(-(-tried // self.rows_together), outcome.seconds)
                self._note(outcome)

    def make(self, tasks: Iterable[Task]) -> None:
        """Make the rows of all tasks of spares, of which the journal knows nothing."""
        with closing(self._run(tasks)) as outcomes:
            for outcome in outcomes:
                self._desk.table.record(outcome.made)
                self._desk.wrote(outcome.made.rows)
                for source, reason in outcome.failures:
                    self._desk.table.fail(source, reason)
                self._desk.counter.add(len(outcome.made.rows), len(outcome.failures))

    def find_good(self, tasks: Iterable[Task]) -> list[int]:
        """Return the sources of those images that can become rows, ascending; note the others."""
        good: list[int] = []
        alone, rest = parted(tasks, self._suspects)
        for outcomes in (self._alone(alone, trial=True), self._run(rest, trial=True)):
            with closing(outcomes):
                for outcome in outcomes:
                    good += outcome.made.columns["source"].tolist()
                    for source, reason in outcome.failures:
                        self._desk.table.fail(source, reason)
                        self._desk.journal.fail(source, reason)
            self.commit()
        return sorted(good)

    def _note(self, outcome: Outcome) -> None:
        table, journal = self._desk.table, self._desk.journal
        table.record(outcome.made)
        self._desk.wrote(outcome.made.rows)
        journal.note(outcome.made.rows, outcome.made.columns)
        for source, reason in outcome.failures:
            table.fail(source, reason)
            journal.fail(source, reason)
        self._desk.counter.add(len(outcome.made.rows), len(outcome.failures))
        if journal.is_due:
            self.commit()

    def commit(self) -> None:
        """Bring to disk and into the journal what is noted; raises ``OSError``."""
        journal, table = self._desk.journal, self._desk.table
        journal.note_facts({"low": table.low.tolist(), "high": table.high.tolist()})
        journal.commit(self._desk.make_durable)

    def _run(self, tasks: Iterable[Task], *, trial: bool = False) -> Generator[Outcome]:
        """Yield the outcomes of tasks, whatever dies meanwhile."""
        if self._sending is not None:
            yield from self._sending.outcomes(tasks, trial=trial)
            return
        waiting = iter(tasks)
        deaths = 0
        while True:
            sent = Sent(waiting)
            try:
                with closing(self._wave(sent, trial=trial)) as outcomes:
                    for outcome in outcomes:
                        deaths = 0
                        yield outcome
                return
            except TerminatedWorkerError as error:
                death = error
            lost = sent.close()
            suspects = {m.source for m in self._desk.marks.read() if m.source is not None}
            self._desk.marks.clear()
            if self.is_stopped:
                return
            alone, rest = parted(lost, suspects)
            if alone:
                suspected = counted(len(alone), "image")
                _log.warning("a worker died; trying %s that it may have been at", suspected)
            else:
                _log.warning("a worker died between images; going on with another")
            deaths += 1
            with closing(self._alone(alone, trial=trial)) as outcomes:
                for outcome in outcomes:
                    deaths = 0 if outcome.failures else deaths
                    yield outcome
            if deaths == _MOST_DEATHS:
                raise StoppedError(
                    f"workers died {deaths} times in a row, and no image is to blame: most often "
                    "there is not enough memory for so many. Run the same command again with fewer "
                    "--jobs."
                ) from death
            waiting = chain(rest, waiting)

    def _alone(self, tasks: Iterable[Task], *, trial: bool = False) -> Generator[Outcome]:
        work = replace(self._work, build=uuid4().hex, own_process=True, mapped=False)
        until_stopped = (task for task in tasks if not self.is_stopped)
        yield from make_alone(work, until_stopped, self._image_timeout, trial=trial)

    def _wave(self, sent: Sent, *, trial: bool) -> Generator[Outcome]:
        """Yield outcomes until all tasks are done, or a worker dies, which ends the others too."""
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
        results: Generator[tuple[int, Outcome]] | None = None
        here = TasksHere()
        own_process = self._work.own_process
        make = partial(_numbered, self._work, trial=trial)
        if not own_process:
            make = partial(here.around(make), stopped=here.is_stopped)
        task = joblib.delayed(make)
        watch = Watch(self._desk.marks, self._image_timeout, self._images.source, ends=own_process)
        with loky_ending_quietly(), watch:
            try:
                with signals_held_back(processes=own_process):
                    results = parallel(task(number, t) for number, t in self._until_stopped(sent))
                for number, outcome in results:
                    self.retries += outcome.retries
                    sent.came_back(number)
                    yield outcome
            finally:
                if results is not None:
                    close_quietly(results)
                # Told to stop, tasks end with their images, unless one hangs.
                here.stop(_PATIENCE_SECONDS if self.is_stopped else None)
                # A single worker is this thread, which goes on to other things.
                forget_tools()

    def _until_stopped(self, sent: Sent) -> Iterator[tuple[int, Task]]:
        for numbered in sent:
            if self.is_stopped:
                return
            yield numbered


def _numbered(work: Work, number: int, task: Task, **options: Any) -> tuple[int, Outcome]:
    return number, make_rows(work, task, **options)
