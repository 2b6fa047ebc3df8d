"""Greedy choice by features: herding towards a pool's distributions, and cover of its peaks."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.choosing.activations.features import Features

_IMAGES_AT_ONCE = 256


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

    All numbers are whole and their sums below 2**53, so adding them in any order, on any number of
    threads, gives the same.
    """

    def __init__(self, features: Features) -> None:
        self._shares = features.flat_shares()
        count, width = self._shares.shape
        total = np.zeros(width, np.int64)
        self._squares = np.empty(count)
        for start in range(0, count, _IMAGES_AT_ONCE):
            part = self._shares[start : start + _IMAGES_AT_ONCE].astype(np.int64)
            total += part.sum(0)
            self._squares[start : start + _IMAGES_AT_ONCE] = (part * part).sum(1)
        self._target = (2 * total + count) // (2 * count)
        self._sum = np.zeros(width, np.int64)

    def scores(self, chosen: int) -> NDArray[np.float64]:
        """Return the squared distance of each, less what is the same for all."""
        ahead = (self._sum - (chosen + 1) * self._target).astype(np.float64)
        products = np.empty(len(self._shares))
        for start in range(0, len(products), _IMAGES_AT_ONCE):
            part = self._shares[start : start + _IMAGES_AT_ONCE]
            products[start : start + _IMAGES_AT_ONCE] = part.astype(np.float64) @ ahead
        return 2 * products + self._squares

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
        for start in range(0, len(left), _IMAGES_AT_ONCE):
            reached = np.maximum(self._peaks[start : start + _IMAGES_AT_ONCE], self._covered)
            # math.fsum rounds once: the order of adding decides nothing.
            short = np.maximum(self._goal - reached, 0) / goal
            left[start : start + _IMAGES_AT_ONCE] = [math.fsum(line) for line in short]
        return left

    def take(self, image: int) -> None:
        self._covered = np.maximum(self._covered, self._peaks[image])
