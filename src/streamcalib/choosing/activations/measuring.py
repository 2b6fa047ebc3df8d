"""The pass over many images: read, decode, run, count; only what is not kept yet."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import joblib
import numpy as np

from streamcalib.choosing.activations.histogram import MANTISSA_BITS, OCTAVES
from streamcalib.choosing.activations.observer import SAMPLES, GraphInput, Observer
from streamcalib.choosing.activations.tensors import Observed, observe
from streamcalib.choosing.activations.workers import Unmeasured, on_workers
from streamcalib.errors import InputError, MissingExtraError, ModelError
from streamcalib.graph import describe_input, read_image_input
from streamcalib.images.probing import probe_all
from streamcalib.imgsz import agreed_size
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.recipe import Recipe
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from streamcalib.choosing.activations.cache import Observations
    from streamcalib.extra_inputs import ExtraInput

_VERSION = 1
"""Of how tensors are counted and packed."""


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
        InputError
            If ``extra_inputs`` names an input that it does not have.
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
        if unknown := sorted(set(given) - {other.name for other in image.other_inputs}):
            raise InputError(
                f"--extra-input {printable(unknown[0])}: {image.shown} has no such further input."
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
        If a worker died and no image is to blame, a server cannot be reached, or the disk is full.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs must be at least 1, not {jobs}.")
    distinct = list(dict.fromkeys(places))
    left = _not_held(distinct, observations)
    kept = len(distinct) - len(left)
    counter = Counter("activations", len(distinct), 0, progress or ignore, "images", kept)
    # A graph that is refused is refused here, once, and not by every worker.
    if left:
        Observer(measuring.observed, measuring.takes)
    bad: list[Unmeasured] = []
    try:
        with closing(on_workers(measuring, left, jobs or int(joblib.cpu_count()))) as tasks:
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


def _not_held(places: Sequence[str], observations: Observations) -> list[str]:
    """Return the images that are still to be observed, or have changed since, or are not there."""
    return [
        place
        for place, stamp in zip(places, probe_all(places), strict=True)
        if stamp is None or not observations.holds(place, stamp)
    ]


def told_bad(bad: Sequence[Unmeasured]) -> list[dict[str, str]]:
    """Return bad images ready for JSON."""
    return [{"path": one.place, "reason": one.reason} for one in bad]
