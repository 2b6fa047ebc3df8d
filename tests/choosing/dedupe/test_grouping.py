"""Which images are left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.choosing.dedupe import grouping
from streamcalib.choosing.dedupe.grouping import near_duplicates
from streamcalib.choosing.dedupe.hashes import Hashes

# Few bits, so that many are near.
VALUES = st.lists(st.tuples(*[st.integers(0, 255)] * 3), max_size=30)


def hashes(values, known=None):
    array = np.array(values, np.uint64).reshape(-1, 3)
    return Hashes(array, np.ones(len(array), np.bool_) if known is None else np.array(known))


def bits(number: int) -> int:
    return int(number).bit_count()


def are_near(one, other, distance):
    further = bits(one[1] ^ other[1]) + bits(one[2] ^ other[2])
    return bits(one[0] ^ other[0]) <= distance and further <= 2 * distance


@given(VALUES, st.integers(0, 4), st.data(), st.integers(1, 7))
def test_no_two_that_are_kept_are_near(values, distance, data, block):
    """And each that is left out is near an earlier one that is kept; those without hash stay."""
    known = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_BLOCK", block)
        found = list(near_duplicates(hashes(values, known), distance))
    gone = {near.left_out for near in found}
    assert len(gone) == len(found)
    assert all(known[near.left_out] and known[near.kept] for near in found)
    for near in found:
        assert near.kept < near.left_out
        assert near.kept not in gone
        assert are_near(values[near.left_out], values[near.kept], distance)
        assert near.distance == bits(values[near.left_out][0] ^ values[near.kept][0])
    kept = [index for index in range(len(values)) if known[index] and index not in gone]
    for place, one in enumerate(kept):
        assert not any(are_near(values[one], values[other], distance) for other in kept[:place])


def test_a_chain_is_not_left_out_as_a_whole():
    """Each one differs a little from the one before; only what is near a kept one goes."""
    values = [(0, 0, 0), (0b1, 0, 0), (0b11, 0, 0), (0b111, 0, 0), (0b1111, 0, 0)]
    assert [near[:2] for near in near_duplicates(hashes(values), 1)] == [(1, 0), (3, 2)]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_bits_are_counted_without_numpy_2(values):
    """As Python counts them."""
    counts = grouping._counted(np.array(values, np.uint64))
    assert counts.tolist() == [value.bit_count() for value in values]


def test_what_was_compared_is_told():
    """Up to all."""
    told: list[int] = []
    list(near_duplicates(hashes([(n, 0, 0) for n in range(2500)]), 0, told.append))
    assert told == [0, 1024, 2048, 2500]
