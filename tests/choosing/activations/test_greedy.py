"""Herding and cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.choosing.activations.features import EDGES, WHOLE, Features
from streamcalib.choosing.activations.greedy import greedy
from streamcalib.choosing.comparing.distances import Pool


def features_of(count, tensors=3, seed=0, kinds=5):
    """Return features of images of several kinds, each with its own distributions and peaks."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(0, 1, (kinds, tensors, 1))
    spread = generator.uniform(0.5, 2, (kinds, tensors, 1))
    kind = generator.integers(0, kinds, count)
    edges = np.linspace(-3, 3, EDGES)
    shift = generator.normal(0, 0.2, (count, tensors, 1))
    shares = 1 / (1 + np.exp(-(edges - centres[kind] - shift) / spread[kind]))
    peaks = generator.gamma(2, 1, (count, tensors))
    return Features((shares * WHOLE).round().astype(np.uint16), peaks.astype(np.float32))


@given(
    st.integers(2, 30),
    st.integers(0, 1000),
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]),
    st.data(),
)
def test_the_first_of_many_are_those_of_few(count, seed, blend, data):
    """The prefix property, for every blend; nothing is chosen twice."""
    features = features_of(count, seed=seed)
    whole = greedy(features, count, blend)
    assert sorted(whole) == list(range(count))
    some = data.draw(st.integers(0, count))
    assert greedy(features, some, blend) == whole[:some]


@given(st.integers(1, 25), st.integers(0, 1000))
def test_herding_is_by_its_definition(count, seed):
    """Each step takes what brings the tensors nearest, by the sum of their Euclidean distances."""
    features = features_of(count, seed=seed)
    shares, order = features.shares.astype(float), greedy(features, count)
    for step in range(count):
        sums, target = shares[order[:step]].sum(0), (step + 1) * shares.mean(0)
        distances = np.linalg.norm(sums + shares[order[step:]] - target, axis=2).sum(1)
        # The target is rounded to whole numbers: by a half at most at each edge.
        rounded = (step + 1) * 0.5 * np.sqrt(EDGES) * shares.shape[1]
        assert distances[0] <= distances.min() + 2 * rounded


def test_herding_beats_random_draws():
    """On images of several kinds, it is nearer to the pool than any of a thousand draws."""
    features = features_of(200, tensors=24)
    pool = Pool(features, np.arange(200))
    draws = pool.draws(40, 1000, seed=1).ks.mean(1)
    herded = pool.distances([greedy(features, 40)]).ks.mean()
    covering = pool.distances([greedy(features, 40, 1.0)]).ks.mean()
    assert herded < draws.min()
    assert covering > np.percentile(draws, 5)


def steps_to(features, order, among):
    """Return how many of the first images of an order reach the largest peaks of some images."""
    goal = features.peaks[among].max(0)
    reached = np.maximum.accumulate(features.peaks[order], axis=0)
    return int((reached < goal).any(1).sum()) + 1


def test_covering_leaves_nothing_short_and_begins_anew():
    """A few images reach every peak; then a few more reach those of all that are left."""
    features = features_of(200)
    order = np.array(greedy(features, 200, 1.0))
    first = steps_to(features, order, np.arange(200))
    assert first <= 6
    second = steps_to(features, order[first:], order[first:])
    assert second <= 6
    pool = Pool(features, np.arange(200))
    assert pool.distances([order[:first]]).shortfall.max() == 0
    assert pool.distances([greedy(features, first)]).shortfall.max() > 0


def test_a_blend_has_both():
    """Half of the steps cover; the others know it, and bring the distributions back."""
    features = features_of(200)
    pool = Pool(features, np.arange(200))
    both = pool.distances([greedy(features, 40, 0.5)])
    cover = pool.distances([greedy(features, 40, 1.0)])
    assert both.shortfall.max() == 0
    assert both.ks.mean() < cover.ks.mean() / 2


@pytest.mark.parametrize("blend", [0.0, 0.5, 1.0])
def test_of_equals_the_first_is_taken(blend):
    """Images that do the same stand in their order."""
    shares = np.full((6, 2, EDGES), 77, np.uint16)
    features = Features(shares, np.ones((6, 2), np.float32))
    assert greedy(features, 6, blend) == list(range(6))


def test_dead_tensors_are_no_trouble():
    """A tensor that is always zero has no peak to reach."""
    features = features_of(20)
    features.peaks[:, 1] = 0
    assert sorted(greedy(features, 20, 1.0)) == list(range(20))
    assert not Pool(features, np.arange(20)).distances([[0]]).shortfall[:, 1].any()
