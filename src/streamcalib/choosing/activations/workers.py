"""The processes that images go through a graph in."""

from __future__ import annotations

import os
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from streamcalib.choosing.activations.cache import pack
from streamcalib.choosing.activations.observer import GraphInput, Observer
from streamcalib.choosing.activations.tensors import observe
from streamcalib.errors import ImageError, StoppedError
from streamcalib.images.places import is_own_memory
from streamcalib.images.reading import read_source
from streamcalib.paths import absolute_path
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.wording import printable, without_option
from streamcalib.workers.orphans import end_with
from streamcalib.workers.stopping import (
    close_quietly,
    loky_ending_quietly,
    signals_held_back,
)
from streamcalib.workers.suspects import Suspects, killers, mark_in, named

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from streamcalib.choosing.activations.measuring import Measuring
    from streamcalib.choosing.activations.observer import Observation
    from streamcalib.images.stamp import Stamp
    from streamcalib.recipe import Recipe

_IMAGES_A_TASK = 4
_BATCHES_AHEAD = "2*n_jobs"


class Unmeasured(NamedTuple):
    """An image that could not be observed: its place, and why, in words."""

    place: str
    reason: str


class _Task(NamedTuple):
    """Images for a worker, by their numbers in the pass; it reads the graph itself, once."""

    key: str
    model: str
    sha256: str
    takes: GraphInput
    recipe: Recipe
    places: dict[int, str]


class _Done(NamedTuple):
    made: list[tuple[str, Stamp, bytes]]
    bad: list[Unmeasured]


def on_workers(
    measuring: Measuring, places: Sequence[str], jobs: int
) -> Generator[_Done, None, None]:
    """Have images observed by ``jobs`` processes, as `measure` does; yield what is done.

    An image that ends whoever observes it is a bad one, and the pass goes on without it.
    """
    common = _common(measuring)
    left = dict(enumerate(places))
    jobs = min(jobs, len(_tasks(common, left)))
    # What lies in this process's own memory, other processes do not see.
    if jobs <= 1 or any(map(is_own_memory, places)):
        try:
            with one_opencv_thread():
                yield from map(_measure, _tasks(common, left))
        finally:
            _kept.clear()
        return
    with Suspects() as suspects:
        while left:
            try:
                with closing(_wave(_tasks(common, left), jobs, suspects.folder)) as results:
                    for numbers, done in results:
                        for number in numbers:
                            del left[number]
                        yield done
            except TerminatedWorkerError as error:
                death = error
            else:
                return
            bad = _killers(common, places, suspects.take(), death)
            for number in bad:
                del left[number]
            yield _Done([], [Unmeasured(places[number], why) for number, why in bad.items()])


def _common(measuring: Measuring) -> _Task:
    model = absolute_path(measuring.model)
    sha256 = measuring.observed.sha256
    return _Task(measuring.key, model, sha256, measuring.takes, measuring.recipe, {})


def _tasks(common: _Task, left: dict[int, str]) -> list[_Task]:
    images = list(left.items())
    return [
        common._replace(places=dict(images[start : start + _IMAGES_A_TASK]))
        for start in range(0, len(images), _IMAGES_A_TASK)
    ]


def _killers(
    common: _Task, places: Sequence[str], at: list[int], death: BaseException
) -> dict[int, str]:
    """Return which of the images that workers were at end whoever observes them, and why."""
    found = killers(
        at,
        partial(_measure_apart, None, os.getpid()),
        lambda number: common._replace(places={number: places[number]}),
    )
    if not found:
        raise StoppedError(
            "a worker died while images went through the model, most likely for want of memory."
            f"{named([places[number] for number in at])} Say fewer --jobs."
        ) from death
    return found


def _wave(
    tasks: Sequence[_Task], jobs: int, marks: Path
) -> Generator[tuple[list[int], _Done], None, None]:
    """Yield what is done until all is, or a worker dies, which ends the others too."""
    parallel = joblib.Parallel(
        jobs, backend="loky", return_as="generator_unordered", pre_dispatch=_BATCHES_AHEAD
    )
    apart = joblib.delayed(partial(_measure_apart, marks, os.getpid()))
    results: Generator[tuple[list[int], _Done]] | None = None
    with loky_ending_quietly():
        try:
            with signals_held_back(processes=True):
                results = parallel(map(apart, tasks))
            yield from results
        finally:
            if results is not None:
                close_quietly(results)


def _measure_apart(marks: Path | None, parent: int, task: _Task) -> tuple[list[int], _Done]:
    """Do as `_measure` in a process that notes what it is at, and ends with its parent."""
    end_with(parent)
    with one_opencv_thread():
        if marks is None:
            return list(task.places), _measure(task)
        with closing(mark_in(marks, parent)) as mark:
            done = _measure(task, mark.at)
            mark.at_none()
    return list(task.places), done


class _Tools(NamedTuple):
    key: str
    maker: RowMaker
    observer: Observer


_kept: list[_Tools] = []
"""What a process keeps from task to task, so that a graph is loaded once."""


def _measure(task: _Task, begins: Callable[[int], None] = lambda _: None) -> _Done:
    tools = _tools(task)
    done = _Done([], [])
    for number, place in task.places.items():
        begins(number)
        try:
            file = read_source(place, ())
            row, _ = tools.maker.make(file.data)
            observation: Observation = tools.observer.observe(row)
        except ImageError as error:
            done.bad.append(Unmeasured(place, without_option(str(error))))
        else:
            done.made.append((place, file.stamp, pack(observation)))
    return done


def _tools(task: _Task) -> _Tools:
    if not _kept or _kept[0].key != task.key:
        _kept.clear()
        observed = observe(task.model)
        if observed.sha256 != task.sha256:
            raise StoppedError(f"the model {printable(task.model)} was changed meanwhile.")
        maker = RowMaker(task.recipe, find_decoder())
        _kept.append(_Tools(task.key, maker, Observer(observed, task.takes)))
    return _kept[0]
