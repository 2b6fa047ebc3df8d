"""Greedy choice by features: herding towards a pool's distributions, and cover of its peaks."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamcalib.choosing.activations.features import Features

_IMAGES_AT_ONCE = 256
_ROOT_PARTS = 2**10
"""Roots are rounded to this part of a share, so that their sums are exact."""


def greedy(features: Features, count: int, blend: float = 0.0) -> list[int]:
    """Return ``count`` images, best first: the first k are the same whatever the count.

    A share ``blend`` of the steps takes the image that brings the largest magnitudes of the chosen
    ones nearest to the pool's; the others take the one that brings their mean distributions nearest
    to the pool's. Both know what was chosen before. Of equals, the first is taken.

    Parameters
    ----------
    count
        At most as many as there are.
    blend
        From 0 (`activations`) to 1 (`ranges`).
    """
    herd, cover = _Herd(features), _Cover(features.peaks)
    free = np.ones(len(features), bool)
    share = Fraction(str(blend))
    chosen: list[int] = []
    for step in range(count):
        covers = math.floor((step + 1) * share) > math.floor(step * share)
        scores = cover.scores(free) if covers else herd.scores(len(chosen))
        best = int(np.where(free, scores, np.inf).argmin())
        free[best] = False
        chosen.append(best)
        cover.take(best)
        if share < 1:
            herd.take(best)
    return chosen


class _Herd:
    """How far each image would leave the mean distributions from the pool's.

    All numbers that are added are whole, and their sums too small to be rounded, so adding them in
    any order, on any number of threads, gives the same.
    """

    def __init__(self, features: Features) -> None:
        self._shares = features.shares
        count, tensors, edges = self._shares.shape
        total = np.zeros((tensors, edges), np.int64)
        self._squares = np.empty((count, tensors), np.int64)
        for some in _parts(count):
            part = self._shares[some].astype(np.int64)
            total += part.sum(0)
            self._squares[some] = (part * part).sum(2)
        self._target = (2 * total + count) // (2 * count)
        self._sum = np.zeros((tensors, edges), np.int64)

    def scores(self, chosen: int) -> NDArray[np.float64]:
        """Return the sum over tensors of the root of the squared distances at their edges.

        The root lets a tensor that differs much from image to image count no more than it does in
        the Kolmogorov-Smirnov distance; the squares look at all of a distribution.
        """
        ahead = self._sum - (chosen + 1) * self._target
        constant = (ahead * ahead).sum(1)
        scores = np.empty(len(self._shares))
        for some in _parts(len(scores)):
            part = self._shares[some].astype(np.float64)
            products = np.einsum("nte,te->nt", part, ahead.astype(np.float64))
            squares = self._squares[some] + 2 * products.astype(np.int64) + constant
            scores[some] = np.rint(np.sqrt(squares) * _ROOT_PARTS).sum(1)
        return scores

    def take(self, image: int) -> None:
        self._sum += self._shares[image]


class _Cover:
    """How much of the pool's peaks each image would leave uncovered.

    Once nothing is, the rest of the pool is covered anew.
    """

    def __init__(self, peaks: NDArray[np.float32]) -> None:
        self._peaks = peaks.astype(np.float64)
        self._goal = self._peaks.max(0)
        self._covered = np.zeros_like(self._goal)

    def scores(self, free: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the sum over tensors of the part of the largest magnitude that is not reached."""
        if (self._covered >= self._goal).all():
            self._goal = self._peaks[free].max(0)
            self._covered = np.zeros_like(self._goal)
        goal = np.where(self._goal > 0, self._goal, 1.0)
        left = np.empty(len(self._peaks))
        for some in _parts(len(left)):
            reached = np.maximum(self._peaks[some], self._covered)
            # math.fsum rounds once: the order of adding decides nothing.
            short = np.maximum(self._goal - reached, 0) / goal
            left[some] = [math.fsum(line) for line in short]
        return left

    def take(self, image: int) -> None:
        self._covered = np.maximum(self._covered, self._peaks[image])


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, _IMAGES_AT_ONCE):
        yield slice(start, start + _IMAGES_AT_ONCE)
