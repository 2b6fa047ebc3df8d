"""The strategies that choose by a model's own activations."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamcalib.choosing.activations.cache import Observations
from streamcalib.choosing.activations.features import features_of, largest, merge, octaves
from streamcalib.choosing.activations.greedy import greedy
from streamcalib.choosing.activations.measuring import (
    Measuring,
    measure,
    runtime_version,
    told_bad,
)
from streamcalib.choosing.strategies import POOL_SIZE, Choice, draw
from streamcalib.errors import InputError, ListError
from streamcalib.images.listfile import entries_sha256
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamcalib.choosing.activations.workers import Unmeasured
    from streamcalib.choosing.strategies import StrategyName, Wanted
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.progress import Subscriber
    from streamcalib.recipe import Recipe

_log = logging.getLogger(__name__)

_POOL_RULE = "random.Random(seed).sample(sorted(paths), pool size), sorted"
_RULES: dict[str, str] = {
    "activations": "greedy herding on activation histograms",
    "ranges": "greedy cover of the largest activations",
    "blend": "greedy herding on activation histograms, a share of the steps covering the largest "
    "activations",
}
_SPARES_RULE = "the next of the same order"


@dataclass(frozen=True, kw_only=True)
class ByActivations:
    """Chooses the images that together do in a model what a pool of candidates does in it.

    Attributes
    ----------
    model
        ONNX file of the model that is to be quantized.
    blend
        Share of the images that are taken for the largest activations, 0 to 1: 0 is the strategy
        ``activations``, 1 is ``ranges``.
    percentile
        Of the magnitudes of a tensor's values, which is covered; 100 is the largest.
    pool_size
        How many candidates are drawn of the population.
    recipe
        How images become rows; by default as the model's input wants them.
    extra_inputs
        Values of the model's other inputs.
    jobs
        How many processes work; by default every core that this process may use.
    progress
        Told of the pass over the candidates.
    cache
        Folder in which what is measured is kept, and sought first; made if need be. Called
        ``.streamcalib``, as that of the command line beside the list, it is ignored by git. By
        default, and where it cannot be used, the user's cache folder.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    model: str | os.PathLike[str]
    blend: float = 0.0
    percentile: float = 100.0
    pool_size: int = POOL_SIZE
    recipe: Recipe | None = None
    extra_inputs: Sequence[ExtraInput] = ()
    jobs: int | None = None
    progress: Subscriber | None = None
    cache: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.blend <= 1:
            raise InputError(f"--blend must be 0 to 1, not {self.blend}.")
        if not 0 < self.percentile <= 100:
            raise InputError(
                f"--percentile must be above 0, and at most 100, not {self.percentile}."
            )
        if self.pool_size < 1:
            raise InputError(f"--pool-size must be at least 1, not {self.pool_size}.")
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs must be at least 1, not {self.jobs}.")

    @property
    def name(self) -> StrategyName:
        """``activations``, ``ranges``, or ``blend`` for what is between."""
        return "activations" if self.blend == 0 else "ranges" if self.blend == 1 else "blend"

    def choose(self, population: Sequence[str], wanted: Wanted) -> Choice:
        """Choose greedily among a pool; see `Strategy`.

        Raises
        ------
        ListError
            If the pool has fewer good images than are wanted.
        ModelError, RecipeError, MissingExtraError
            If the model cannot be run.
        StoppedError
            If the pass was stopped; it goes on from there.
        """
        pool = candidates(population, self.pool_size, wanted.seed)
        if wanted.count > len(pool):
            raise ListError(
                f"--count asks for {wanted.count} images, and --pool-size {self.pool_size} leaves "
                f"{len(pool)} candidates: a choice needs a pool that is larger."
            )
        if wanted.count == len(pool):
            _tell_no_choice(wanted.count)
        measuring = Measuring.of(self.model, self.recipe, self.extra_inputs)
        tensors = len(measuring.observed.tensors)
        with Observations(measuring.key, tensors, cache=self.cache) as observations:
            bad = measure(measuring, pool, observations, jobs=self.jobs, progress=self.progress)
            good = without(pool, bad)
            _check(wanted.count, good, bad)
            if bad and wanted.count == len(good):
                _tell_no_choice(wanted.count)
            merged = merge(observations, good, octaves(largest(observations, good)))
            features = features_of(observations, good, merged, percentile=self.percentile)
        spares = min(wanted.spares, len(good) - wanted.count)
        order = [good[image] for image in greedy(features, wanted.count + spares, self.blend)]
        return Choice(
            order[: wanted.count],
            order[wanted.count :],
            _RULES[self.name],
            _SPARES_RULE,
            self._facts(measuring, pool, bad),
        )

    def _facts(
        self, measuring: Measuring, pool: Sequence[str], bad: Sequence[Unmeasured]
    ) -> dict[str, Any]:
        covers = {} if self.blend == 0 else {"blend": self.blend, "percentile": self.percentile}
        further = {extra.name: extra.to_dict() for extra in self.extra_inputs}
        return {
            **covers,
            "pool": {
                "size": len(pool),
                "rule": _POOL_RULE,
                "entries_sha256": entries_sha256(pool),
                "bad": told_bad(bad),
            },
            "model": os.fspath(self.model),
            "model_sha256": measuring.observed.sha256,
            "tensors": len(measuring.observed.tensors),
            "recipe": measuring.recipe.to_dict(),
            **({"extra_inputs": further} if further else {}),
            "onnxruntime": runtime_version(),
        }


def candidates(population: Sequence[str], size: int, seed: int) -> list[str]:
    """Draw a pool of the sorted population, in its order; all of it if it is no larger."""
    if size >= len(population):
        return list(population)
    return sorted(draw(population, size, seed, 0)[0])


def without(places: Sequence[str], bad: Sequence[Unmeasured]) -> list[str]:
    """Return the places that could be measured."""
    left_out = {one.place for one in bad}
    return [place for place in places if place not in left_out]


def _check(count: int, good: Sequence[str], bad: Sequence[Unmeasured]) -> None:
    if count > len(good):
        raise ListError(
            f"--count asks for {counted(count, 'image')}, and the pool has {len(good):,} good ones "
            f"and {len(bad):,} bad, the first: {printable(bad[0].place)}: {bad[0].reason}."
        )


def _tell_no_choice(count: int) -> None:
    _log.info(
        "--count takes all %s of the pool: there is nothing to choose but their order. Take fewer, "
        "or a larger pool.",
        counted(count, "good image"),
    )
