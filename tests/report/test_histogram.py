"""Counting in bins."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.report.histogram import Histogram, RatioHistogram


@given(st.lists(st.floats(0, 256), min_size=1))
def test_every_value_is_in_the_bin_that_holds_it(values):
    """None is lost, and no bin has values of another."""
    counted = Histogram(8, 256)
    for value in values:
        counted.add(value)
    bars = counted.bars()
    assert sum(bar.rows for bar in bars) == counted.count == len(values)
    for bar in bars:
        inside = [v for v in values if bar.low <= v < bar.high or v == 256 == bar.high]
        assert bar.rows == len(inside)
    assert (counted.least, counted.greatest) == (min(values), max(values))


@given(st.lists(st.floats(1e-6, 1e11), min_size=1))
def test_bins_of_a_ratio_hold_every_value(values):
    """They follow each other without a gap, however far values lie apart, and stay few."""
    counted = RatioHistogram(8)
    for value in values:
        counted.add(value)
    bars = counted.bars()
    assert sum(bar.rows for bar in bars) == len(values)
    assert len(bars) <= 50
    for one, other in pairwise(bars):
        assert one.high == pytest.approx(other.low)
    assert bars[0].low <= min(values) * 1.001
    assert bars[-1].high >= min(max(values), 2.0**39)


def test_doubles_begin_bins_of_their_own():
    """1 and 2 are not a hair's breadth below their bins."""
    counted = RatioHistogram(12)
    for value in (1.0, 2.0, 4.0):
        counted.add(value)
    starts = [bar.low for bar in counted.bars() if bar.rows]
    assert starts == pytest.approx([1, 2, 4])


def test_the_order_of_values_is_nothing():
    """What threads find in another order is the same."""
    values = [random.Random(1).uniform(0, 255) for _ in range(500)]
    one, other = Histogram(8, 256), Histogram(8, 256)
    for value in values:
        one.add(value)
    for value in reversed(values):
        other.add(value)
    assert one.bars() == other.bars()


def test_nothing_is_no_bars():
    """A histogram of nothing can be asked."""
    assert Histogram(8, 256).bars() == []
