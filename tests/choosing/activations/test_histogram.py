"""Histograms whose range widens by doubling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamcalib.choosing.activations.histogram import (
    BINS,
    MANTISSA_BITS,
    OCTAVES,
    ZERO,
    bounds,
    count,
    cumulated,
    scan,
    shifted,
    top_octave,
    widened,
)

FLOATS = st.floats(-(2.0**100), 2.0**100, width=32)
VALUES = arrays(np.float32, st.integers(1, 50), elements=FLOATS)


def counted(values, top=None):
    """Return octave and histogram of values."""
    peak, halves = scan(values)
    assert peak == np.abs(values).max()
    top = top_octave(peak) if top is None else top
    return top, count(halves, top)


@given(VALUES)
def test_every_value_is_counted_in_the_bin_that_holds_it(values):
    """Between the bin's bounds, the nearer to zero belonging to it."""
    top, counts = counted(values)
    where = bounds(top)
    assert counts.shape == (BINS,)
    for value in values:
        [index] = np.flatnonzero(counted(np.array([value]), top)[1])
        low, high = where[index], where[index + 1]
        assert (low <= value < high) if index > ZERO else True
        assert (low < value <= high) if index < ZERO else True
        assert (low < value < high) if index == ZERO else True
    singles = sum(counted(np.array([value]), top)[1].astype(int) for value in values)
    assert (counts == singles).all()


@given(st.lists(VALUES, min_size=2, max_size=4), st.randoms())
def test_merging_is_counting_together_in_any_order(parts, shuffler):
    """Histograms of parts, widened and added, are the histogram of all, to the last count."""
    tops = np.array([top_octave(np.abs(part).max()) for part in parts])
    top, together = counted(np.concatenate(parts))
    assert top == tops.max()
    shuffler.shuffle(parts)
    merged, top = np.zeros((1, BINS), np.int64), np.array([OCTAVES])
    for part in parts:
        own, counts = counted(part)
        wider = np.maximum(top, own)
        merged = widened(merged, top, wider) + widened(counts[None], np.array([own]), wider)
        top = wider
    assert (merged[0] == together).all()


@given(VALUES, st.integers(0, 40))
def test_a_bound_of_a_wide_histogram_has_its_place_in_a_narrow_one(values, octaves):
    """Counting up to it there gives what widening gives."""
    top, counts = counted(values)
    to = min(top + octaves, 254)
    wide = cumulated(widened(counts[None], np.array([top]), np.array([to])))[0]
    places = shifted(np.int64(to - top << MANTISSA_BITS), np.arange(BINS))
    assert (cumulated(counts)[places + 1] == wide[1:]).all()


@given(arrays(np.float32, st.integers(1, 200), elements=FLOATS), st.integers(1, 9))
def test_a_stride_counts_every_so_manieth_value(values, stride):
    """From the start given."""
    start = min(stride - 1, len(values) - 1)
    _, strided = scan(values, start, stride)
    assert (strided == scan(np.ascontiguousarray(values[start::stride]))[1]).all()


def test_long_tensors_are_scanned_by_stretches(generator):
    """Nothing is missed between them, whatever the stride."""
    values = generator.normal(0, 1, 700_001).astype(np.float32)
    values[-1] = -99
    for start, stride in [(0, 1), (2, 7), (150, 151), (0, 200_001)]:
        peak, halves = scan(values, start, stride)
        assert peak == 99
        assert (halves == values[start::stride].view(np.uint32) >> 16).all()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_finite_number_is_refused(odd):
    """It has no bin."""
    with pytest.raises(ValueError, match="infinite or no numbers"):
        count(scan(np.array([1, odd], np.float32))[1], top_octave(1.0))


def test_bins_are_narrow_and_zeros_small():
    """A bin is at most a 64th of its values, and zeros are under an eighth of a step."""
    where = bounds(top_octave(1.0))[ZERO + 1 :]
    assert (np.diff(where) / where[:-1]).max() <= 1 / 64
    assert where[0] < 1 / 127 / 8
    assert where[-1] == 2.0
