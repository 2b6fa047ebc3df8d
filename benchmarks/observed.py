"""What a model does with images, held in memory, so that any part of them can be the pool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamcalib.choosing.activations.cache import Observations
from streamcalib.choosing.activations.features import (
    Features,
    Merged,
    octaves,
    pool_edges,
    shares_at,
)
from streamcalib.choosing.activations.histogram import BINS, widened
from streamcalib.choosing.activations.measuring import Measuring, measure
from streamcalib.choosing.activations.observer import Observer
from streamcalib.choosing.comparing.distances import Pool, beaten
from streamcalib.errors import ListError
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamcalib.choosing.activations.observer import Observation
    from streamcalib.progress import Subscriber

_ALL = 2**62


class Standing(NamedTuple):
    """Where a set stands: its distances, and the part of random draws that it beats, 0 to 1."""

    ks: float
    ks_beats: float
    shortfall: float
    shortfall_beats: float


class Images:
    """Images by what a model does with them.

    Parameters
    ----------
    seen
        What was observed of each.
    """

    def __init__(self, seen: Sequence[Observation]) -> None:
        self._seen = seen
        self._peaks = np.stack([one.peaks for one in seen])

    def __len__(self) -> int:
        return len(self._seen)

    def first(self, count: int) -> Images:
        """Return the first of them."""
        return Images(self._seen[:count])

    @property
    def everything(self) -> list[int]:
        """All of them."""
        return list(range(len(self)))

    def features(self, pool: Sequence[int], of: Sequence[int]) -> Features:
        """Return the features of some at the edges of a pool that may be others."""
        tops = octaves(self._peaks[[*pool, *of]])
        counts = np.zeros((len(tops), BINS), np.int64)
        for image in pool:
            one = self._seen[image]
            counts += widened(one.counts, one.tops.astype(np.int64), tops)
        edges = pool_edges(Merged(tops, counts))
        shares = [shares_at(self._seen[image], tops, edges) for image in of]
        return Features(np.stack(shares), self._peaks[list(of)])

    def pool(self, members: Sequence[int]) -> Pool:
        """Return some of them as a pool that any of them are held against."""
        return Pool(self.features(members, self.everything), np.array(members))


def observed(measuring: Measuring, paths: Sequence[str], progress: Subscriber) -> Images:
    """Look at images, or take what the cache has of them.

    Raises
    ------
    ListError
        If one of them is bad.
    """
    with Observations(measuring.key, len(measuring.observed.tensors)) as kept:
        if bad := measure(measuring, paths, kept, progress=progress):
            raise ListError(f"{bad[0].place}: {bad[0].reason}.")
        return Images([one for path in paths if (one := kept.get(path)) is not None])


def observed_whole(measuring: Measuring, paths: Sequence[str]) -> Images:
    """Look at every value that images give, not at some of them."""
    observer = Observer(measuring.observed, measuring.takes, _ALL)
    maker = RowMaker(measuring.recipe, find_decoder())
    with one_opencv_thread():
        return Images([observer.observe(maker.make(Path(path).read_bytes())[0]) for path in paths])


def placed(
    pool: Pool, sets: Sequence[Sequence[int]], among: Sequence[Sequence[int]]
) -> list[Standing]:
    """Return where sets stand among random ones of their size."""
    found, drawn = pool.distances(sets), pool.distances(among)
    ks, shortfall = found.ks.mean(1).tolist(), found.shortfall.mean(1).tolist()
    return [
        Standing(a, beaten(a, drawn.ks.mean(1)), b, beaten(b, drawn.shortfall.mean(1)))
        for a, b in zip(ks, shortfall, strict=True)
    ]


def means(pool: Pool, sets: Sequence[Sequence[int]]) -> tuple[NDArray[np.float64], ...]:
    """Return the mean KS distance and the mean shortfall of sets: (S,) each."""
    found = pool.distances(sets)
    return found.ks.mean(1), found.shortfall.mean(1)
