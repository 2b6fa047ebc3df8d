"""How far the class shares of sets are from a pool's, and how far those of random ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.choosing.comparing.distances import beaten
from streamcalib.choosing.comparing.draws import drawn
from streamcalib.choosing.comparing.result import ClassDraws
from streamcalib.choosing.labels.shares import class_shares, compared
from streamcalib.progress import Counter, Subscriber, ignore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamcalib.choosing.labels.labels import Labels

_MOST_CLASSES = 1000


class ClassDistance(NamedTuple):
    """How far a set's class shares are from the pool's.

    Attributes
    ----------
    mean_difference
        Mean absolute difference of the shares of the pool's classes, 0 to 1.
    largest_difference
        The largest one, of all classes.
    missing
        How many of the pool's classes no image shows.
    """

    mean_difference: float
    largest_difference: float
    missing: int


class ClassPool:
    """The class shares of a pool, to hold sets against.

    Parameters
    ----------
    labels
        Of the pool's images, and of others.
    members
        Which of them are the pool's.
    """

    def __init__(self, labels: Labels, members: Sequence[int]) -> None:
        self._labels, self._members = labels, members
        self.shares = class_shares(labels, members)
        self._present = np.flatnonzero(self.shares.counts)

    def distance(self, images: Sequence[int]) -> ClassDistance:
        """Return the distance of a set, given as indices of images; it is not empty."""
        found = class_shares(self._labels, images)
        # Whole numbers: sets that are equally far are so to the last bit, whatever their classes.
        apart = np.abs(self.shares.counts * found.images - found.counts * self.shares.images)
        whole = self.shares.images * found.images
        return ClassDistance(
            int(apart[self._present].sum()) / (whole * max(1, len(self._present))),
            int(apart.max(initial=0)) / whole,
            int((found.counts[self._present] == 0).sum()),
        )

    def draws(self, size: int, count: int, seed: int, progress: Subscriber = ignore) -> ClassDraws:
        """Return the distances of ``count`` random draws of ``size`` images of the pool."""
        counter = Counter("draws", count, 0, progress, unit="draws")
        found = np.empty((count, len(ClassDistance._fields)))
        for line, images in zip(found, drawn(self._members, size, count, seed), strict=True):
            line[:] = self.distance(images)
            counter.add(1, 0)
        return ClassDraws(*found.T)


class HeldClasses(NamedTuple):
    """What class shares tell: ``classes`` and ``class_draws`` of `Comparison`."""

    classes: dict[str, dict[str, Any]]
    draws: dict[int, ClassDraws]


def hold_classes(
    labels: Labels,
    members: Sequence[int],
    sets: dict[str, Sequence[int]],
    *,
    draws: int,
    seed: int,
    progress: Subscriber | None = None,
) -> HeldClasses:
    """Hold the class shares of sets against a pool's, and against random draws of the pool.

    Of a set that is larger than the pool no draw is as large, and its place among them is None.

    Parameters
    ----------
    members, sets
        Which images of ``labels`` are the pool's, and each set's, by its name; none is empty.
    draws, seed
        How many draws there are of each size, and their seed.
    """
    pool = ClassPool(labels, members)
    sizes = sorted({size for size in map(len, sets.values()) if size <= len(members)})
    by_size = {size: pool.draws(size, draws, seed, progress or ignore) for size in sizes}
    classes = {}
    for name, images in sets.items():
        distance = pool.distance(images)
        classes[name] = {
            "images": len(images),
            "mean_difference": round(distance.mean_difference, 9),
            **compared(pool.shares, class_shares(labels, images), _MOST_CLASSES),
            **_beats(distance, by_size.get(len(images))),
        }
    return HeldClasses(classes, by_size)


def _beats(distance: ClassDistance, draws: ClassDraws | None) -> dict[str, float | None]:
    pairs = {
        "mean_difference_beats": distance.mean_difference,
        "largest_difference_beats": distance.largest_difference,
        "classes_chosen_beats": distance.missing,
    }
    if draws is None:
        return dict.fromkeys(pairs)
    return {
        name: beaten(value, of_draws)
        for (name, value), of_draws in zip(pairs.items(), draws, strict=True)
    }
