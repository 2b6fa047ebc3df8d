"""Choices whose classes are seen as often as in the pool: the bar, and what is kept."""

from __future__ import annotations

import math
import random
from functools import cache, partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labelling
from streamcalib.choosing.labels.balancing import TOLERANCE, balance
from streamcalib.choosing.labels.labels import labelled
from streamcalib.choosing.labels.shares import class_shares

POOLS = {
    further: cache(partial(labelling.zipf_labels, 5000, 80, 7, further)) for further in (0.0, 2.0)
}
"""5,000 images, 80 classes, by how many further ones an image draws on average."""


def drawn(images: int, count: int, seed: int) -> list[int]:
    return random.Random(seed).sample(range(images), count)


def farthest(labels, chosen) -> float:
    """Return the largest difference of a share, of classes that more than 2 % of the pool show."""
    pool, found = class_shares(labels), class_shares(labels, chosen)
    return float(np.abs(found.shares - pool.shares)[pool.shares > TOLERANCE].max())


@pytest.mark.parametrize("seed", [1, 42, 1000])
@pytest.mark.parametrize("count", [100, 250, 500])
def test_the_bar_with_several_classes_an_image(count, seed):
    """5,000 images, 80 classes of which the rarest is in a handful: near, and all there."""
    labels = POOLS[2.0]()
    assert len(labels.classes) == 80
    at_random = drawn(5000, count, seed)
    chosen = balance(labels, at_random, seed)
    assert len(set(chosen)) == count
    assert farthest(labels, chosen) <= TOLERANCE
    assert class_shares(labels, chosen).counts.min() >= 1
    if count == 100:
        # The bar is one that the random choice misses.
        assert farthest(labels, at_random) > TOLERANCE
        assert class_shares(labels, at_random).counts.min() == 0


@pytest.mark.parametrize("seed", [1, 42, 1000])
@pytest.mark.parametrize("count", [60, 100, 300, 500])
def test_the_bar_with_one_class_an_image(count, seed):
    """Every class is present for which there is room beside the common ones' shares."""
    labels = POOLS[0.0]()
    pool = class_shares(labels)
    chosen = balance(labels, drawn(5000, count, seed), seed)
    found = class_shares(labels, chosen)
    slack = max(TOLERANCE * count, 0.5)
    assert (np.abs(found.counts - pool.shares * count) <= slack + 1e-9)[
        pool.shares > TOLERANCE
    ].all()
    # So few images the common classes must have; each further one can bring one class more.
    least = [max(0, math.ceil(share * count - slack - 1e-9)) for share in [*pool.shares, 0.02]]
    room = count - sum(max(need - 1, 0) for need in least)
    # Images without a class are kept as one more class is.
    present = int((found.counts > 0).sum()) + (found.without > 0)
    assert present == min(81, room)


@pytest.mark.parametrize(("count", "present"), [(12, 7), (20, 10), (24, 11), (32, 13), (50, 13)])
@pytest.mark.parametrize("seed", [1, 42])
def test_rare_classes_are_there_in_small_choices(count, present, seed):
    """One image of a rare class is more than 2 % of 32, and costs nothing where it fits."""
    labels = labelled(
        [
            [["a"], ["b"], ["c", f"rare{number}"] if number < 10 else ["c"]][kind]
            for number in range(100)
            for kind in range(3)
        ]
    )
    chosen = balance(labels, drawn(300, count, seed), seed)
    counts = dict(zip(labels.classes, class_shares(labels, chosen).counts.tolist(), strict=True))
    assert sum(count > 0 for count in counts.values()) == present
    assert all(abs(counts[name] - count / 3) < 1 for name in "abc")


def test_what_is_good_already_stays():
    """A choice whose shares are the pool's is not touched."""
    labels = labelled([["a"], ["b"]] * 50)
    chosen = [0, 1, 2, 3, 10, 11]
    assert balance(labels, chosen, 1) == chosen


def test_all_of_a_pool_stay_in_order():
    """There is nothing to exchange."""
    labels = labelled([["a"], ["b"], []])
    assert balance(labels, [2, 0, 1], 1) == [2, 0, 1]


def test_few_images_are_exchanged():
    """Most of a choice is still the random one, each image in its place."""
    labels = POOLS[2.0]()
    at_random = drawn(5000, 500, 42)
    chosen = balance(labels, at_random, 42)
    stayed = sum(one == other for one, other in zip(at_random, chosen, strict=True))
    assert stayed > 400


NAMES = st.lists(
    st.lists(st.sampled_from("abcd"), unique=True, max_size=3), min_size=2, max_size=25
)


@given(NAMES.filter(any), st.integers(0, 3), st.data())
def test_a_choice_stays_one(names, seed, data):
    """As many images, none twice, the same again, and no more classes are lost than won."""
    labels = labelled(names)
    count = data.draw(st.integers(1, len(names)))
    at_random = drawn(len(names), count, seed)
    chosen = balance(labels, at_random, seed)
    assert len(chosen) == len(set(chosen)) == count
    assert set(chosen) <= set(range(len(names)))
    assert balance(labels, at_random, seed) == chosen


def test_the_seed_decides_between_equals():
    """And nothing else does."""
    labels = labelled([["a"]] * 30 + [["b"]] * 30)
    choices = {tuple(balance(labels, range(10), seed)) for seed in range(8)}
    assert len(choices) > 1
    for choice in choices:
        assert class_shares(labels, choice).counts.tolist() == [5, 5]
