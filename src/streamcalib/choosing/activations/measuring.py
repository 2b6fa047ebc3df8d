"""The pass over many images: read, decode, run, count; only what is not kept yet."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import joblib
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError

from streamcalib.building.orphans import end_with
from streamcalib.building.stopping import (
    close_quietly,
    loky_ending_quietly,
    signals_held_back,
)
from streamcalib.choosing.activations.cache import Observations, pack
from streamcalib.choosing.activations.histogram import MANTISSA_BITS, OCTAVES
from streamcalib.choosing.activations.observer import SAMPLES, GraphInput, Observer
from streamcalib.choosing.activations.tensors import Observed, observe
from streamcalib.errors import ImageError, InputError, MissingExtraError, ModelError, StoppedError
from streamcalib.graph import describe_input, read_image_input
from streamcalib.images.places import is_own_memory
from streamcalib.images.probing import probe_all
from streamcalib.images.reading import read_source
from streamcalib.imgsz import agreed_size
from streamcalib.paths import absolute_path
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.recipe import Recipe
from streamcalib.wording import counted, printable, without_option

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from os import PathLike

    from streamcalib.choosing.activations.observer import Observation
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.images.stamp import Stamp

_VERSION = 1
"""Of how tensors are counted and packed."""
_IMAGES_A_TASK = 4
_BATCHES_AHEAD = "2*n_jobs"


@dataclass(frozen=True)
class Measuring:
    """A graph, how images go into it, and what is looked at.

    Attributes
    ----------
    model
        The file, as given.
    observed
        The graph and its tensors.
    takes
        Its input.
    recipe
        What a row is.
    task
        What Ultralytics' metadata say that the model does, like ``detect``; None without any.
    """

    model: str
    observed: Observed
    takes: GraphInput
    recipe: Recipe
    task: str | None = None

    @classmethod
    def of(
        cls,
        model: str | PathLike[str],
        recipe: Recipe | None = None,
        extra_inputs: Sequence[ExtraInput] = (),
    ) -> Measuring:
        """Read an ONNX file; the recipe is by default the one that fits its input.

        Raises
        ------
        ModelError
            If it is no graph with one image input, or has other inputs that are not given.
        RecipeError
            If the recipe does not fit the graph.
        MissingExtraError
            If ``onnx`` is not installed.
        """
        image = read_image_input(model)
        if recipe is None:
            recipe = Recipe.from_image_input(image)
        agreed_size(image, (recipe.height, recipe.width))
        if (recipe.dtype, recipe.layout) != (image.dtype, image.layout):
            raise ModelError(
                f"the recipe makes {recipe.dtype} rows in {recipe.layout}, and input "
                f"{image.name!r} of {image.shown} takes {image.dtype} in {image.layout}."
            )
        given = {extra.name: extra for extra in extra_inputs}
        missing = [other for other in image.other_inputs if other.name not in given]
        if missing:
            raise ModelError(
                f"{image.shown} has a further input {missing[0].name!r} "
                f"({describe_input(missing[0])}): say its value with --extra-input."
            )
        batch = image.batch or 1
        others = {
            other.name: np.ascontiguousarray(given[other.name].repeated(batch))
            for other in image.other_inputs
        }
        takes = GraphInput(name=image.name, batch=batch, others=others)
        task = None if image.ultralytics is None else image.ultralytics.task or None
        return cls(str(model), observe(model), takes, recipe, task)

    @cached_property
    def key(self) -> str:
        """Hexadecimal digits that change when an observation may: the cache's name."""
        others = {name: [v.dtype.str, v.tolist()] for name, v in self.takes.others.items()}
        decisive = {
            "version": _VERSION,
            "model": self.observed.sha256,
            "tensors": self.observed.tensors,
            "recipe": self.recipe.fingerprint,
            "others": others,
            "grid": [OCTAVES, MANTISSA_BITS, SAMPLES],
            "onnxruntime": runtime_version(),
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:32]


def runtime_version() -> str:
    """Return ONNX Runtime's version.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(
            "looking at a model's activations needs the package onnxruntime: pip install "
            "'streamcalib[activations]'."
        ) from error
    return str(onnxruntime.__version__)


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


def measure(
    measuring: Measuring,
    places: Sequence[str],
    observations: Observations,
    *,
    jobs: int | None = None,
    progress: Subscriber | None = None,
) -> tuple[Unmeasured, ...]:
    """Have every image observed and kept; returns those that cannot be.

    What was observed before and has not changed since is not read again. What an interrupted pass
    had observed is kept.

    Parameters
    ----------
    places
        Where the images are: absolute paths, members of archives, URLs.
    jobs
        How many processes work, each on one thread of ONNX Runtime; by default every core that
        this process may use. The result does not depend on it.

    Raises
    ------
    InputError
        If ``jobs`` is out of range.
    ModelError
        If ONNX Runtime does not take the graph.
    StoppedError
        If a worker died, a server cannot be reached, or the disk is full.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs must be at least 1, not {jobs}.")
    distinct = list(dict.fromkeys(places))
    stamps = probe_all(distinct)
    left = [
        place
        for place, stamp in zip(distinct, stamps, strict=True)
        if stamp is None or not observations.holds(place, stamp)
    ]
    kept = len(distinct) - len(left)
    counter = Counter("activations", len(distinct), 0, progress or ignore, "images", kept)
    # A graph that is refused is refused here, once, and not by every worker.
    if left:
        Observer(measuring.observed, measuring.takes)
    bad: list[Unmeasured] = []
    try:
        with closing(_on_workers(measuring, left, jobs or int(joblib.cpu_count()))) as tasks:
            for done in tasks:
                observations.put(done.made)
                bad += done.bad
                kept += len(done.made)
                counter.add(len(done.made), len(done.bad))
    except BaseException as error:
        if observations.is_kept:
            error.add_note(
                f"{counted(kept, 'image')} of {len(distinct):,} measured and kept; the same "
                "command goes on from there."
            )
        raise
    order = {place: number for number, place in enumerate(distinct)}
    return tuple(sorted(bad, key=lambda one: order[one.place]))


def _on_workers(
    measuring: Measuring, places: Sequence[str], jobs: int
) -> Generator[_Done, None, None]:
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


def told_bad(bad: Sequence[Unmeasured]) -> list[dict[str, str]]:
    """Return bad images ready for JSON."""
    return [{"path": one.place, "reason": one.reason} for one in bad]
