"""The processes that images go through a graph in."""

from __future__ import annotations

import os
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

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

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
    """Images for a worker; it reads the graph itself, once."""

    key: str
    model: str
    sha256: str
    takes: GraphInput
    recipe: Recipe
    places: Sequence[str]


class _Done(NamedTuple):
    made: list[tuple[str, Stamp, bytes]]
    bad: list[Unmeasured]


def on_workers(
    measuring: Measuring, places: Sequence[str], jobs: int
) -> Generator[_Done, None, None]:
    """Have images observed by ``jobs`` processes, as `measure` does; yield what is done."""
    model = absolute_path(measuring.model)
    common = (measuring.key, model, measuring.observed.sha256, measuring.takes, measuring.recipe)
    tasks = [
        _Task(*common, places[start : start + _IMAGES_A_TASK])
        for start in range(0, len(places), _IMAGES_A_TASK)
    ]
    # What lies in this process's own memory, other processes do not see.
    jobs = 1 if any(map(is_own_memory, places)) else max(1, min(jobs, len(tasks)))
    if jobs == 1:
        try:
            with one_opencv_thread():
                yield from map(_measure, tasks)
        finally:
            _kept.clear()
        return
    parallel = joblib.Parallel(
        jobs, backend="loky", return_as="generator_unordered", pre_dispatch=_BATCHES_AHEAD
    )
    apart, parent = joblib.delayed(_measure_apart), os.getpid()
    results: Generator[_Done] | None = None
    with loky_ending_quietly():
        try:
            with signals_held_back(processes=True):
                results = parallel(apart(task, parent) for task in tasks)
            yield from results
        except TerminatedWorkerError as error:
            raise StoppedError(
                "a worker died while images went through the model, most likely for want of "
                "memory: say fewer --jobs."
            ) from error
        finally:
            if results is not None:
                close_quietly(results)


def _measure_apart(task: _Task, parent: int) -> _Done:
    """Do as `_measure` in a process that is for it alone, and ends with its parent."""
    end_with(parent)
    with one_opencv_thread():
        return _measure(task)


class _Tools(NamedTuple):
    key: str
    maker: RowMaker
    observer: Observer


_kept: list[_Tools] = []
"""What a process keeps from task to task, so that a graph is loaded once."""


def _measure(task: _Task) -> _Done:
    tools = _tools(task)
    done = _Done([], [])
    for place in task.places:
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
