"""A build's tasks on a cluster: sent in waves, and sent again when workers die."""

from __future__ import annotations

import logging
from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING
from uuid import uuid4

from streamcalib.building.clusters.answers import Probe, check_seen, is_seen, versions_here
from streamcalib.building.clusters.attempts import Lost, Rules, attempt, lost
from streamcalib.building.sent import Sent, parted
from streamcalib.building.worker import Outcome, Task, nothing_made
from streamcalib.errors import StoppedError
from streamcalib.stores.zarr import is_behind_url
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

    from streamcalib.building.clusters.cluster import Cluster
    from streamcalib.building.worker import Work
    from streamcalib.images.listfile import ImageList

# So many times tasks may be lost in a row without a row made or an image found that ends workers.
_MOST_DEATHS = 3

_log = logging.getLogger(__name__)


class Sending:
    """Sends a build's tasks to a cluster.

    Parameters
    ----------
    folder
        Where marks are, seen by all workers.
    jobs
        How many tasks are done at once.
    image_timeout
        Seconds that an image may take.
    """

    def __init__(
        self, cluster: Cluster, work: Work, folder: Path, jobs: int, image_timeout: float
    ) -> None:
        self._cluster, self._work = cluster, work
        self._folder: Path | None = folder
        self._jobs, self._image_timeout = jobs, image_timeout
        self._is_stopped = False
        self._rules: Rules | None = None

    def check(self, images: ImageList) -> None:
        """Make sure that all workers see the build's folder and the images.

        Of an output behind a URL they need not see the folder, though without it no image can be
        found that ends workers.

        Raises
        ------
        InputError
            If one does not.
        """
        seen = self._cluster.ask(Probe.of(self._folder, images).unseen)
        if is_behind_url(self._work.store) and not is_seen(seen):
            seen = self._cluster.ask(Probe.of(None, images).unseen)
            check_seen(seen)
            _log.warning(
                "workers do not see %s, where they would note what they are at: should an image "
                "end them, it cannot be found (a --state that all hosts share helps)",
                printable(str(self._folder)),
            )
            self._folder = None
        check_seen(seen)

    def stop(self) -> None:
        """Have workers stop before their next image; what is under way then returns early."""
        self._is_stopped = True
        if self._rules is not None:
            self._rules.hold()

    def outcomes(self, tasks: Iterable[Task], *, trial: bool = False) -> Generator[Outcome]:
        """Yield the outcomes of tasks, whatever dies meanwhile.

        Raises
        ------
        StoppedError
            If the cluster is gone, or keeps losing tasks.
        """
        waiting = iter(tasks)
        deaths = 0
        while True:
            again: list[Task] = []
            suspects: list[Task] = []
            sent = Sent(waiting)
            with closing(self._wave(sent, self._jobs, trial=trial)) as results:
                for task, result in results:
                    if isinstance(result, Outcome):
                        deaths = 0 if len(result.made.rows) + len(result.failures) else deaths
                        yield result
                    else:
                        again.append(task)
                        suspects += _suspected(task, result)
            again += sent.close()
            if self._is_stopped or not again:
                return
            bad = yield from self._found_bad(suspects)
            deaths = 0 if bad else deaths + 1
            if deaths > _MOST_DEATHS:
                raise StoppedError(
                    f"workers died {deaths} times in a row, and no image is to blame: most often "
                    "there is not enough memory for so many. Run the same command again with fewer "
                    "--jobs, or on larger workers."
                )
            retried = parted(again, bad)[1]
            images = sum(len(task.rows) for task in retried)
            _log.warning("sending %s again", counted(images, "image"))
            waiting = chain(retried, waiting)

    def _found_bad(self, suspects: list[Task]) -> Generator[Outcome, None, set[int]]:
        """Try images one at a time, writing nothing; yield and return those that end workers."""
        bad: set[int] = set()
        for single in suspects:
            if self._is_stopped:
                break
            with closing(self._wave(Sent([single]), 1, trial=True)) as results:
                for _, result in results:
                    if isinstance(result, Lost) and result.had_begun:
                        bad.add(single.sources[0])
                        yield Outcome(nothing_made(), [(single.sources[0], result.reason)], 0.0)
        return bad

    def _wave(
        self, sent: Sent, jobs: int, *, trial: bool
    ) -> Generator[tuple[Task, Outcome | Lost]]:
        work = self._work
        versions = versions_here(work.decoder, with_pillow=work.recipe.uses_pillow)
        rules = Rules(self._folder, uuid4().hex, self._image_timeout, trial, versions)
        self._rules = rules
        rules.let_go()
        if self._is_stopped:
            # A signal came between.
            rules.hold()
        do = partial(attempt, self._work, rules)
        try:
            with closing(
                self._cluster.wave(
                    do, lambda number: lost(rules.mark(number)), self._until_stopped(sent), jobs
                )
            ) as results:
                for number, result in results:
                    task = sent.came_back(number)
                    if isinstance(result, Lost) and result.had_begun:
                        images = counted(len(task.rows), "image")
                        _log.warning("%s died at a task of %s", printable(result.worker), images)
                    yield task, result
        finally:
            rules.hold()

    def _until_stopped(self, sent: Sent) -> Iterator[tuple[int, Task]]:
        for numbered in sent:
            if self._is_stopped:
                return
            yield numbered


def _suspected(task: Task, lost_task: Lost) -> list[Task]:
    """Return the image that a worker died at as a task of its own, if it is known."""
    at = lost_task.at
    if at is None or at >= len(task.rows):
        return []
    return [Task((task.rows[at],), (task.sources[at],), (task.entries[at],))]
