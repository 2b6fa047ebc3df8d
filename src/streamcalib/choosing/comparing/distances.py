"""How far sets of images are from a pool, and how far random ones of their size are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamcalib.choosing.activations.features import WHOLE
from streamcalib.choosing.comparing.draws import drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamcalib.choosing.activations.features import Features

_WEIGHTS_BYTES = 2**27


class Distances(NamedTuple):
    """How far sets are from a pool, one line a set.

    Attributes
    ----------
    ks
        Kolmogorov-Smirnov distance of every tensor's values, 0 to 1: (S, T).
    shortfall
        Part of the pool's largest magnitude of every tensor that the set does not reach: (S, T).
    """

    ks: NDArray[np.float64]
    shortfall: NDArray[np.float64]


class Pool:
    """A pool, to hold sets against.

    Parameters
    ----------
    features
        Of the pool's images, and of others.
    members
        Which of them are the pool's.
    """

    def __init__(self, features: Features, members: NDArray[np.int64]) -> None:
        self._features, self.members = features, members
        tensors = features.shares.shape[1]
        self._means = np.stack(
            [features.shares[members, number].mean(0, np.float64) for number in range(tensors)]
        )
        self._peaks = features.peaks[members].max(0).astype(np.float64)

    def distances(self, sets: Sequence[Sequence[int]]) -> Distances:
        """Return the distances of sets, given as indices of images; none is empty."""
        ks, shortfall = [], []
        at_once = max(1, _WEIGHTS_BYTES // (8 * len(self._features)))
        for start in range(0, len(sets), at_once):
            some = sets[start : start + at_once]
            ks.append(self._ks(some))
            shortfall += [self._shortfall(one) for one in some]
        return Distances(np.concatenate(ks), np.stack(shortfall))

    def _ks(self, sets: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        weights = np.zeros((len(sets), len(self._features)))
        for line, images in zip(weights, sets, strict=True):
            np.add.at(line, list(images), 1.0)
        sizes = weights.sum(1)[:, None]
        found = np.empty((len(sets), len(self._means)))
        for tensor, mean in enumerate(self._means):
            # Whole numbers: their sums are exact in any order.
            sums = weights @ self._features.shares[:, tensor].astype(np.float64)
            found[:, tensor] = np.abs(sums / sizes - mean).max(1) / WHOLE
        return found

    def _shortfall(self, images: Sequence[int]) -> NDArray[np.float64]:
        reached = self._features.peaks[list(images)].max(0).astype(np.float64)
        some = np.where(self._peaks > 0, self._peaks, 1.0)
        short: NDArray[np.float64] = np.maximum(self._peaks - reached, 0) / some
        return short

    def draws(self, size: int, count: int, seed: int) -> Distances:
        """Return the distances of ``count`` random draws of ``size`` images of the pool."""
        return self.distances(list(drawn(self.members.tolist(), size, count, seed)))


def beaten(value: float, draws: NDArray[np.float64]) -> float:
    """Return the part of some draws whose distance is larger; of equals, half are."""
    return float(((draws > value).sum() + (draws == value).sum() / 2) / len(draws))
