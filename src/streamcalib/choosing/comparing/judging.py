"""Sets of images held against a pool by a model's activations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np

from streamcalib.choosing.activations.cache import Observations
from streamcalib.choosing.activations.features import features_of, largest, merge, octaves
from streamcalib.choosing.activations.measuring import Measuring, measure
from streamcalib.choosing.activations.strategy import candidates, without
from streamcalib.choosing.comparing.distances import Pool, beaten
from streamcalib.choosing.comparing.int8 import Int8Model
from streamcalib.choosing.comparing.outputs import OutputDifference, differences
from streamcalib.choosing.comparing.result import Draws, SetDistance
from streamcalib.choosing.comparing.thresholds import all_thresholds, mean_change
from streamcalib.errors import ListError
from streamcalib.wording import printable

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamcalib.choosing.activations.workers import Unmeasured
    from streamcalib.choosing.comparing.distances import Distances
    from streamcalib.progress import Subscriber


@dataclass(frozen=True)
class Judging:
    """How sets are judged.

    Attributes
    ----------
    draws, seed
        How many random draws, and the seed of all that is drawn.
    held_out
        On how many images of the pool that are in no set INT8 models are compared; 0 for none.
    jobs, progress
        As in `measure`.
    cache
        Folder in which what is measured is kept, as in `Observations`.
    """

    draws: int
    seed: int
    held_out: int = 0
    jobs: int | None = None
    progress: Subscriber | None = None
    cache: str | os.PathLike[str] | None = None


@dataclass(frozen=True)
class Judged:
    """What a model's activations tell; the attributes are those of `Comparison`."""

    pool_images: int
    tensors: int = 0
    sets: tuple[SetDistance, ...] = ()
    draws: dict[int, Draws] = field(default_factory=dict)
    bad: tuple[Unmeasured, ...] = ()
    outputs: tuple[OutputDifference, ...] = ()
    held_out: int = 0


def judge(
    measuring: Measuring, members: Sequence[str], sets: dict[str, list[str]], how: Judging
) -> Judged:
    """Measure a pool and sets of images, and hold the sets against the pool.

    Parameters
    ----------
    members, sets
        Places of the pool's images, and of each set's, by its name.

    Raises
    ------
    ListError
        If a set is larger than the pool, or none of its images is good.
    StreamcalibError
        As `measure` and `differences` do.
    """
    everything = list(dict.fromkeys([*members, *(place for one in sets.values() for place in one)]))
    tensors = measuring.observed.tensors
    # Refused before the pass if it cannot be quantized.
    quantizable = Int8Model(measuring.model, tensors) if how.held_out else None
    with Observations(measuring.key, len(tensors), cache=how.cache) as observations:
        bad = measure(measuring, everything, observations, jobs=how.jobs, progress=how.progress)
        good = without(everything, bad)
        number = {place: index for index, place in enumerate(good)}
        inside = [place for place in members if place in number]
        held = {name: [p for p in places if p in number] for name, places in sets.items()}
        _check(held, members, sets, bad)
        tops = octaves(largest(observations, good))
        merged = merge(observations, inside, tops)
        features = features_of(observations, good, merged)
        merges = {name: merge(observations, places, tops) for name, places in held.items()}
    pool = Pool(features, np.array([number[place] for place in inside]))
    lines = {name: [number[place] for place in places] for name, places in held.items()}
    distances = pool.distances(list(lines.values()))
    drawn = {size: _drawn(pool, size, how) for size in sorted({*map(len, held.values())})}
    clips = {n: all_thresholds(merges[n], features.peaks[lines[n]]) for n in held}
    of_pool = all_thresholds(merged, features.peaks[pool.members])
    found = tuple(
        SetDistance(
            **_distance(name, len(places), distances, line, tensors),
            **_beats(distances, line, drawn[len(places)]),
            **_changes(clips[name], of_pool),
        )
        for line, (name, places) in enumerate(held.items())
    )
    outside = _held_out(inside, held, how)
    by_method = {(n, method): clip[method] for n, clip in clips.items() for method in clip}
    outputs: tuple[OutputDifference, ...] = ()
    if quantizable is not None:
        jobs, progress = how.jobs or int(joblib.cpu_count()), how.progress
        outputs = differences(
            measuring, quantizable, by_method, outside, jobs=jobs, progress=progress
        )
    return Judged(len(inside), len(tensors), found, drawn, bad, outputs, len(outside))


def _held_out(inside: list[str], held: dict[str, list[str]], how: Judging) -> list[str]:
    if not how.held_out:
        return []
    used = {place for places in held.values() for place in places}
    unused = [place for place in inside if place not in used]
    if not unused:
        raise ListError(
            "every image of the pool is in one of the sets: --quantize needs some that are in none."
        )
    return candidates(unused, how.held_out, how.seed)


def _check(
    held: dict[str, list[str]],
    members: Sequence[str],
    sets: dict[str, list[str]],
    bad: Sequence[Unmeasured],
) -> None:
    pool = len(without(members, bad))
    if not pool:
        raise _no_good("the pool", members, bad)
    for name, places in held.items():
        if not places:
            raise _no_good(name, sets[name], bad)
        if len(places) > pool:
            raise ListError(
                f"{printable(name)} has {len(places)} images, and the pool {pool}: no random draw "
                "of the pool is as large. A larger --pool-size may help."
            )


def _no_good(name: str, places: Sequence[str], bad: Sequence[Unmeasured]) -> ListError:
    first = next((one for one in bad if one.place in places[:1]), None)
    why = "" if first is None else f", the first: {printable(first.place)}: {first.reason}"
    return ListError(f"no image of {printable(name)} is good{why}.")


def _drawn(pool: Pool, size: int, how: Judging) -> Draws:
    found = pool.draws(size, how.draws, how.seed)
    return Draws(ks=found.ks.mean(1), ks_worst=found.ks.max(1), shortfall=found.shortfall.mean(1))


def _changes(
    clips: dict[str, NDArray[np.float64]], of_pool: dict[str, NDArray[np.float64]]
) -> dict[str, Any]:
    return {
        f"{method}_change": mean_change(clips[method], of_pool[method])
        for method in ("entropy", "percentile")
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


def _beats(distances: Distances, line: int, draws: Draws) -> dict[str, Any]:
    return {
        "ks_beats": beaten(float(distances.ks[line].mean()), draws.ks),
        "ks_worst_beats": beaten(float(distances.ks[line].max()), draws.ks_worst),
        "shortfall_beats": beaten(float(distances.shortfall[line].mean()), draws.shortfall),
    }
