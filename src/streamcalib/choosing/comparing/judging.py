"""Sets of images held against a pool by a model's activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.choosing.activations.cache import Observations
from streamcalib.choosing.activations.features import features_of, largest, merge, octaves
from streamcalib.choosing.activations.measuring import Measuring, Unmeasured, measure
from streamcalib.choosing.activations.strategy import without
from streamcalib.choosing.comparing.distances import Pool, beaten
from streamcalib.choosing.comparing.result import Draws, SetDistance
from streamcalib.choosing.comparing.thresholds import (
    entropy_thresholds,
    mean_change,
    percentile_thresholds,
)
from streamcalib.errors import ListError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamcalib.choosing.activations.features import Merged
    from streamcalib.choosing.comparing.distances import Distances
    from streamcalib.progress import Subscriber


@dataclass(frozen=True)
class Judged:
    """What a model's activations tell; the attributes are those of `Comparison`."""

    pool_images: int
    tensors: int
    sets: tuple[SetDistance, ...]
    draws: dict[int, Draws]
    bad: tuple[Unmeasured, ...]

    @classmethod
    def nothing(cls, pool_images: int) -> Judged:
        """Return what is told without a model."""
        return cls(pool_images, 0, (), {}, ())


def judge(
    measuring: Measuring,
    members: Sequence[str],
    sets: dict[str, list[str]],
    wanted: tuple[int, int],
    jobs: int | None,
    progress: Subscriber | None,
) -> Judged:
    """Measure a pool and sets of images, and hold the sets against the pool.

    Parameters
    ----------
    members, sets
        Places of the pool's images, and of each set's, by its name.
    wanted
        How many random draws, and their seed.

    Raises
    ------
    ListError
        If a set is larger than the pool, or none of its images is good.
    StreamcalibError
        As `measure` does.
    """
    everything = list(dict.fromkeys([*members, *(place for one in sets.values() for place in one)]))
    tensors = measuring.observed.tensors
    with Observations(measuring.key, len(tensors)) as observations:
        bad = measure(measuring, everything, observations, jobs=jobs, progress=progress)
        good = without(everything, bad)
        number = {place: index for index, place in enumerate(good)}
        inside = [place for place in members if place in number]
        held = {name: [p for p in places if p in number] for name, places in sets.items()}
        _check(held, len(inside))
        tops = octaves(largest(observations, good))
        merged = merge(observations, inside, tops)
        features = features_of(observations, good, merged)
        merges = {name: merge(observations, places, tops) for name, places in held.items()}
    pool = Pool(features, np.array([number[place] for place in inside]))
    distances = pool.distances([[number[p] for p in places] for places in held.values()])
    drawn = {size: _drawn(pool, size, *wanted) for size in sorted({*map(len, held.values())})}
    thresholds = _Thresholds(merged)
    found = tuple(
        _distance(name, len(places), distances, line, tensors)
        | _beats(distances, line, drawn[len(places)])
        | thresholds.changes(merges[name])
        for line, (name, places) in enumerate(held.items())
    )
    return Judged(len(inside), len(tensors), tuple(SetDistance(**one) for one in found), drawn, bad)


def _check(held: dict[str, list[str]], pool: int) -> None:
    if not pool:
        raise ListError("no image of the pool is good.")
    for name, places in held.items():
        if not places:
            raise ListError(f"no image of {printable(name)} is good.")
        if len(places) > pool:
            raise ListError(
                f"{printable(name)} has {len(places)} images, and the pool {pool}: no random draw "
                "of the pool is as large."
            )


def _drawn(pool: Pool, size: int, draws: int, seed: int) -> Draws:
    found = pool.draws(size, draws, seed)
    return Draws(ks=found.ks.mean(1), shortfall=found.shortfall.mean(1))


class _Thresholds:
    """The pool's thresholds, and how those of sets differ."""

    def __init__(self, pool: Merged) -> None:
        self._entropy, self._percentile = entropy_thresholds(pool), percentile_thresholds(pool)

    def changes(self, merged: Merged) -> dict[str, float]:
        return {
            "entropy_change": mean_change(entropy_thresholds(merged), self._entropy),
            "percentile_change": mean_change(percentile_thresholds(merged), self._percentile),
        }


def _distance(
    name: str, images: int, distances: Distances, line: int, tensors: Sequence[str]
) -> dict[str, Any]:
    worst = int(distances.ks[line].argmax())
    return {
        "name": name,
        "images": images,
        "ks_mean": float(distances.ks[line].mean()),
        "ks_worst": float(distances.ks[line, worst]),
        "ks_worst_tensor": tensors[worst],
        "shortfall": float(distances.shortfall[line].mean()),
    }


def _beats(distances: Distances, line: int, draws: Draws) -> dict[str, float]:
    return {
        "ks_beats": beaten(float(distances.ks[line].mean()), draws.ks),
        "shortfall_beats": beaten(float(distances.shortfall[line].mean()), draws.shortfall),
    }
