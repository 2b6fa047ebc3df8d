"""Exchanging images of a random choice until its classes are seen as often as in the pool.

The aim is that of iterative stratification (K. Sechidis, G. Tsoumakas and I. Vlahavas, "On the
Stratification of Multi-Label Data", 2011): every class as often as its share asks, the rare ones
seen to first. Their greedy division leaves a class that is rarer than one image in the wanted
number to the larger part; so here a random choice is improved instead, one exchange at a time,
and keeps what labels do not tell.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamcalib.choosing.labels.labels import Labels

TOLERANCE = 0.02
"""How far a class's share may be from the pool's before presence of rare classes matters."""

# So many images that could go are tried; more, if none of them makes room for a better one.
_TRIED = 4
_MOST_TRIED = 64
# Less is lost in rounding.
_LEAST_GAIN = 1e-3


def balance(labels: Labels, chosen: Sequence[int], seed: int) -> list[int]:
    """Exchange images of a choice while that improves it, and return the choice.

    What is better, in this order: fewer images too many or too few of a class whose share is
    further than 2 % of all images, or half an image, from the pool's, where the first image of a
    class is never too many; fewer classes of which no image is chosen; a smaller sum of squares of
    what classes have too many or too few. An image that comes in takes the place of the one that
    goes.

    Parameters
    ----------
    labels
        Of the pool.
    chosen
        Distinct indexes into the pool.
    seed
        Decides between exchanges that are equally good.
    """
    if len(chosen) == len(labels):
        return list(chosen)
    return _Balance(labels, chosen, seed).done()


class _Balance:
    """A choice, how many of its images show each class, and what exchanges would change."""

    def __init__(self, labels: Labels, chosen: Sequence[int], seed: int) -> None:
        self._starts, self._members = _with_empty(labels)
        self._chosen = np.array(chosen, np.int64)
        self._is_chosen = np.zeros(len(labels), np.bool_)
        self._is_chosen[self._chosen] = True
        most = int(np.diff(self._starts).max())
        pool = np.bincount(self._members)
        count = len(chosen)
        self._wanted = pool * (count / len(labels))
        # Nearer than half an image no whole number may be.
        self._slack = max(TOLERANCE * count, 0.5)
        # One class less that is absent outweighs any change of squares by an exchange, and one
        # image less out of tolerance any number of classes that one brings or takes.
        self._absent = 2.0 * most * (2 * count + 1) + 1
        self._outside = self._absent * (2 * most + 1)
        self._have = np.zeros(len(pool), np.int64)
        for image in self._chosen.tolist():
            self._have[self._classes(image)] += 1
        # Not for secrets: the standard generator, whose sequences stay what they are.
        order = random.Random(seed).sample(range(len(labels)), len(labels))  # noqa: S311
        self._rank = np.empty(len(labels), np.int64)
        self._rank[order] = np.arange(len(labels))

    def done(self) -> list[int]:
        while self._exchange():
            pass
        return [int(image) for image in self._chosen]

    def _classes(self, image: int) -> NDArray[np.int64]:
        return self._members[self._starts[image] : self._starts[image + 1]]

    def _cost(self, have: NDArray[np.int64]) -> NDArray[np.float64]:
        over = have - self._wanted
        off = np.abs(over)
        outside = np.ceil(np.maximum(off - self._slack, 0.0))
        # The one image that a class needs to be seen at all is never too many.
        outside[(over > 0) & (have <= 1)] = 0
        absent = self._absent * (have <= 0)
        cost: NDArray[np.float64] = self._outside * outside + absent + off * off
        return cost

    def _sums(self, by_class: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return, for each image, the sum over its classes, (N,)."""
        sums: NDArray[np.float64] = np.add.reduceat(by_class[self._members], self._starts[:-1])
        return sums

    def _exchange(self) -> bool:
        """Make the best exchange among those of the images that are best let go; if any gains."""
        now = self._cost(self._have)
        loss = self._sums(self._cost(self._have - 1) - now)[self._chosen]
        first = np.lexsort((self._rank[self._chosen], loss))[:_MOST_TRIED]
        best, place, comer = -_LEAST_GAIN, -1, -1
        for number, at in enumerate(first.tolist()):
            if place >= 0 and number >= _TRIED:
                break
            left = self._have.copy()
            left[self._classes(int(self._chosen[at]))] -= 1
            gain = self._sums(self._cost(left + 1) - self._cost(left))
            gain[self._is_chosen] = np.inf
            least = gain.min()
            if loss[at] + least < best:
                ties = np.flatnonzero(gain == least)
                best, place = loss[at] + least, at
                comer = int(ties[self._rank[ties].argmin()])
        if place < 0:
            return False
        goer = int(self._chosen[place])
        self._have[self._classes(goer)] -= 1
        self._have[self._classes(comer)] += 1
        self._is_chosen[goer], self._is_chosen[comer] = False, True
        self._chosen[place] = comer
        return True


def _with_empty(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return starts and members with a further class for the images that show none."""
    sizes = np.diff(labels.starts)
    empty = np.flatnonzero(sizes == 0)
    members = np.insert(labels.members, labels.starts[empty], len(labels.classes))
    starts = np.concatenate([[0], np.cumsum(np.maximum(sizes, 1))])
    return starts.astype(np.int64), members
