"""Histograms of a tensor's values whose range widens by doubling, so that any two can be merged.

A bin holds the values that share sign, exponent and the first `MANTISSA_BITS` bits behind it, so a
bin is at most a 64th as wide as the values in it. A histogram spans `OCTAVES` octaves below the
largest magnitude; what is smaller is counted as zero, and is less than an eighth of the step of an
INT8 scale. Where a larger magnitude joins, the range doubles as often as it must and the smallest
octaves join the zeros: whole bins move, so the order of merging decides nothing.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

OCTAVES = 11
MANTISSA_BITS = 6
SIDE = OCTAVES << MANTISSA_BITS
"""Bins of one sign."""
ZERO = SIDE
"""Index of the bin of zeros; negative values lie before it, positive ones behind."""
BINS = 2 * SIDE + 1

# The upper half of a float32: sign, exponent, and seven bits of its mantissa.
_HALF_MANTISSA = 7
_PER_BIN = 1 << (_HALF_MANTISSA - MANTISSA_BITS)
_SIGN = 1 << 15
_UPPER = 1 if sys.byteorder == "little" else 0
_EXPONENT_SHIFT = 23
_BIAS = 127
_STRETCH = 2**17


def top_octave(peak: float) -> int:
    """Return the octave of a finite magnitude, as ``float32`` numbers its exponents.

    Never less than fills a histogram, so every octave that it spans exists, and zeros lie below.
    """
    return max(int(np.float32(peak).view(np.uint32)) >> _EXPONENT_SHIFT, OCTAVES)


def top_octaves(peaks: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return `top_octave` of every magnitude."""
    exponents = peaks.view(np.uint32) >> np.uint32(_EXPONENT_SHIFT)
    return np.maximum(exponents.astype(np.int64), OCTAVES)


def scan(
    values: NDArray[np.float32], start: int = 0, stride: int = 1
) -> tuple[float, NDArray[np.uint16]]:
    """Return the largest magnitude of all values, and every ``stride``-th from ``start`` on.

    The magnitude passes over values that are no numbers: finding each would slow the whole pass by
    some percent, and `count` finds those returned. ``values`` is flat and contiguous. What is
    returned of them is the upper half of their bits, which is all that `count` looks at. By
    stretches that stay in the processor's cache.
    """
    stretch = max(1, _STRETCH // stride) * stride
    peak, taken = 0.0, []
    for begin in range(0, len(values), stretch):
        part = values[begin : begin + stretch]
        # One pass where numpy's max and min are two.
        peak = max(peak, cv2.norm(part.reshape(1, -1), cv2.NORM_INF))
        taken.append(part.view(np.uint16)[_UPPER + 2 * start :: 2 * stride].copy())
    return peak, np.concatenate(taken)


def count(halves: NDArray[np.uint16], top: int) -> NDArray[np.uint32]:
    """Count values as `scan` returns them; returns shape (`BINS`,).

    No magnitude lies above the octave ``top``.

    Raises
    ------
    ValueError
        If one is infinite or no number.
    """
    found = np.bincount(_bins_of(top).take(halves), minlength=BINS + 1)
    if found[BINS]:
        raise ValueError("values are infinite or no numbers, or lie above the largest")
    return found[:BINS].astype(np.uint32)


@lru_cache(maxsize=64)
def _bins_of(top: int) -> NDArray[np.intp]:
    """Return the bin of every half: (2**16,); `BINS` for those above the octave ``top``.

    A tensor has fewer values than there are halves, so counting each half, and summing those of a
    bin, would take longer.
    """
    halves = np.arange(2 * _SIGN)
    magnitudes = halves % _SIGN
    low, high = (top - OCTAVES + 1) << _HALF_MANTISSA, (top + 1) << _HALF_MANTISSA
    outward = 1 + (magnitudes - low) // _PER_BIN
    bins = np.where(halves < _SIGN, ZERO + outward, ZERO - outward)
    bins = np.where(magnitudes < low, ZERO, bins)
    return np.where(magnitudes < high, bins, BINS).astype(np.intp)


def shifted(shift: NDArray[np.int64], bins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where the upper bounds of a wide histogram's ``bins`` lie in one ``shift`` narrower.

    ``shift`` is how many bins the ranges differ by, at least 0. -1 stands for a bound below all
    bins.
    """
    outward = np.where(bins >= ZERO, bins + shift, bins - shift)
    return np.clip(outward, -1, BINS - 1)


def cumulated(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return the counts up to each bin's upper bound (..., `BINS` + 1), beginning with 0."""
    sums = np.zeros((*counts.shape[:-1], BINS + 1), np.int64)
    np.cumsum(counts, axis=-1, out=sums[..., 1:])
    return sums


def widened(
    counts: NDArray[Any], tops: NDArray[np.int64], to: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return histograms (T, `BINS`) of the octaves ``tops`` (T,), of the octaves ``to`` instead.

    ``to`` is nowhere below ``tops``.
    """
    shift = ((to - tops) << MANTISSA_BITS)[:, None]
    upper = np.take_along_axis(
        cumulated(counts), shifted(shift, np.arange(BINS)[None, :]) + 1, axis=-1
    )
    return np.diff(upper, axis=-1, prepend=0)


def bounds(top: int) -> NDArray[np.float64]:
    """Return where the bins begin and end, in the tensor's own unit: shape (`BINS` + 1,)."""
    steps = np.arange(SIDE + 1)
    octave, part = steps >> MANTISSA_BITS, steps & ((1 << MANTISSA_BITS) - 1)
    magnitudes = np.ldexp(1 + part / (1 << MANTISSA_BITS), octave + top - OCTAVES + 1 - _BIAS)
    return np.concatenate([-magnitudes[::-1], magnitudes])
