"""Numbers to choose by: each image's distribution of every tensor, at bounds that fit the pool."""

from __future__ import annotations

import math
import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.choosing.activations.histogram import (
    BINS,
    MANTISSA_BITS,
    ZERO,
    bounds,
    cumulated,
    shifted,
    top_octave,
    widened,
)
from streamcalib.errors import StoppedError
from streamcalib.wording import in_units, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from streamcalib.choosing.activations.cache import Observations
    from streamcalib.choosing.activations.observer import Observation

EDGES = 128
"""At how many values the distribution of a tensor is held."""
WHOLE = 2**14
"""What stands for all of an image's values: shares are whole numbers of this part."""

_HALF = WHOLE // 2


class Merged(NamedTuple):
    """Histograms of many images together.

    Attributes
    ----------
    tops
        Octaves of the tensors' largest magnitudes: (T,) int64.
    counts
        (T, `histogram.BINS`) int64.
    """

    tops: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Features:
    """What is known of images, one line each, in the order of their places.

    Attributes
    ----------
    shares
        Which part of a tensor's values lies at or below each edge, in parts of `WHOLE`:
        (N, T, `EDGES`) uint16, in a file that nobody else sees.
    peaks
        Largest magnitude of each tensor, or its percentile: (N, T) float32.
    """

    shares: NDArray[np.uint16]
    peaks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.peaks)


def each(observations: Observations, places: Sequence[str]) -> Iterator[Observation]:
    """Yield what was observed of images.

    Raises
    ------
    StoppedError
        If something is gone or damaged; it is forgotten, so that the same command makes it anew.
    """
    for place in places:
        found = observations.get(place)
        if found is None:
            observations.forget(place)
            raise StoppedError(
                f"what was measured of {printable(place)} is damaged in the cache: the same "
                "command measures it again."
            )
        yield found


def merge(observations: Observations, places: Sequence[str], tops: NDArray[np.int64]) -> Merged:
    """Merge the histograms of images; the order decides nothing."""
    counts = np.zeros((len(tops), BINS), np.int64)
    for found in each(observations, places):
        counts += widened(found.counts, found.tops.astype(np.int64), tops)
    return Merged(tops, counts)


def largest(observations: Observations, places: Sequence[str]) -> NDArray[np.float32]:
    """Return the largest magnitudes of the tensors of images: (N, T)."""
    return np.stack([found.peaks for found in each(observations, places)])


def octaves(peaks: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the octaves of the largest magnitudes of images together: (T,)."""
    return np.array([top_octave(peak) for peak in peaks.max(0)], np.int64)


def pool_edges(merged: Merged) -> NDArray[np.int64]:
    """Return the bins whose upper bounds divide a pool's values evenly: (T, `EDGES`).

    A bin that holds much stands there several times, so every tensor counts the same.
    """
    sums = cumulated(merged.counts)[:, 1:]
    parts = (2 * np.arange(EDGES) + 1) / (2 * EDGES)
    return np.stack(
        [np.searchsorted(line, parts * line[-1]).clip(max=BINS - 1) for line in sums]
    ).astype(np.int64)


def features_of(
    observations: Observations,
    places: Sequence[str],
    merged: Merged,
    *,
    percentile: float = 100.0,
) -> Features:
    """Return the features of images at the edges of a pool.

    Parameters
    ----------
    merged
        The pool's histograms, of octaves at least as high as every image's.
    percentile
        Of the magnitudes of a tensor's values, which is held as its peak; 100 is the largest.

    Raises
    ------
    StoppedError
        If there is no space for a temporary file, or what was observed is gone or damaged.
    """
    edges, tensors = pool_edges(merged), len(merged.tops)
    shares = _mapped((len(places), tensors, EDGES))
    peaks = np.empty((len(places), tensors), np.float32)
    for number, found in enumerate(each(observations, places)):
        shares[number] = shares_at(found, merged.tops, edges)
        peaks[number] = found.peaks if percentile == 100 else percentiles(found, percentile)
    return Features(shares, peaks)


def _mapped(shape: tuple[int, ...]) -> NDArray[np.uint16]:
    size = math.prod(shape) * np.dtype(np.uint16).itemsize
    try:
        with tempfile.TemporaryFile(prefix="streamcalib-") as file:
            # A page of a map that finds no space kills the process: all of it is taken before.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, np.uint16, "w+", shape=shape)
    except OSError as error:
        raise StoppedError(
            f"a temporary file of {in_units(size)} cannot be made: {error.strerror}. Free space, "
            "or set TMPDIR to a folder that has some; the same command goes on from there."
        ) from error


def shares_at(
    found: Observation, tops: NDArray[np.int64], edges: NDArray[np.int64]
) -> NDArray[np.uint16]:
    """Return which part of an image's values lies at or below the edges, in parts of `WHOLE`."""
    shift = ((tops - found.tops.astype(np.int64)) << MANTISSA_BITS)[:, None]
    sums = cumulated(found.counts)
    below = np.take_along_axis(sums, shifted(shift, edges) + 1, axis=1)
    totals = sums[:, -1:]
    return ((below * WHOLE + totals // 2) // totals).astype(np.uint16)


def percentiles(found: Observation, percentile: float) -> NDArray[np.float32]:
    """Return a percentile of the magnitudes of each tensor's values: (T,), at most its peak."""
    return np.minimum(magnitude_percentiles(found.counts, found.tops, percentile), found.peaks)


def magnitude_percentiles(
    counts: NDArray[Any], tops: NDArray[Any], percentile: float
) -> NDArray[np.float32]:
    """Return a percentile of the magnitudes in histograms (T, `BINS`): (T,), a bin's upper end."""
    both = counts[:, ZERO:].astype(np.int64)
    both[:, 1:] += counts[:, ZERO - 1 :: -1].astype(np.int64)
    sums = both.cumsum(1)
    reached = (sums < np.ceil(sums[:, -1:] * (percentile / 100))).sum(1)
    upper = [bounds(int(top))[ZERO + 1 + place] for top, place in zip(tops, reached, strict=True)]
    return np.array(upper, np.float32)
