"""Class shares of sets among those of random draws, against counting by hand."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelling import zipf_labels
from streamcalib.choosing.activations.features import EDGES, Features
from streamcalib.choosing.comparing.classes import ClassPool, hold_classes
from streamcalib.choosing.comparing.distances import Pool
from streamcalib.choosing.labels.balancing import balance
from streamcalib.choosing.labels.labels import labelled

NAMES = st.lists(st.lists(st.sampled_from("abcdef"), unique=True), min_size=1, max_size=25)


def share(names, images, name):
    return Fraction(sum(name in names[image] for image in images), len(images))


def distance(names, pool, images):
    """Return mean and largest difference and the classes missing, class by class, exact."""
    everywhere = sorted({name for of_image in names for name in of_image})
    of_pool = [name for name in everywhere if share(names, pool, name)]
    apart = {n: abs(share(names, pool, n) - share(names, images, n)) for n in everywhere}
    mean = sum(apart[name] for name in of_pool) / max(1, len(of_pool))
    missing = sum(not share(names, images, name) for name in of_pool)
    return mean, max(apart.values()), missing


def beats(value, others):
    worse = sum(Fraction(other > value) + Fraction(other == value) / 2 for other in others)
    return float(worse / len(others))


@given(NAMES.filter(any), st.integers(0, 99), st.data())
def test_sets_are_held_as_counting_by_hand_does(names, seed, data):
    """Images of a set that are not the pool's count as well, and one may be there twice."""
    pool = range(data.draw(st.integers(1, len(names))))
    some = st.lists(st.integers(0, len(names) - 1), min_size=1, max_size=len(pool))
    sets = {"one": data.draw(some), "other": data.draw(some)}
    found = hold_classes(labelled(names), pool, sets, draws=7, seed=seed)
    assert sorted(found.draws) == sorted({len(images) for images in sets.values()})
    for name, images in sets.items():
        generator = random.Random(seed)
        drawn = [generator.sample(list(pool), len(images)) for _ in range(7)]
        expected = distance(names, pool, images)
        others = list(zip(*(distance(names, pool, one) for one in drawn), strict=True))
        facts = found.classes[name]
        assert facts["images"] == len(images)
        assert facts["mean_difference"] == pytest.approx(float(expected[0]), abs=1e-9)
        assert facts["largest_difference"] == pytest.approx(float(expected[1]), abs=1e-6)
        assert facts["classes"] - facts["classes_chosen"] == expected[2]
        kinds = ("mean_difference", "largest_difference", "classes_chosen")
        for kind, value, of_draws in zip(kinds, expected, others, strict=True):
            assert facts[f"{kind}_beats"] == pytest.approx(beats(value, of_draws), abs=1e-12)
        for values, of_draws in zip(found.draws[len(images)], others, strict=True):
            assert values == pytest.approx([float(value) for value in of_draws])


def test_the_draws_are_those_of_activations():
    """Of as many images, with the same seed: what is seen tells which image was drawn."""
    peaks = 2.0 ** np.arange(12, dtype=np.float32)[:, None]
    features = Features(np.zeros((12, 1, EDGES), np.uint16), peaks)
    by_activations = Pool(features, np.arange(2, 12)).draws(1, 40, 5)
    drawn = np.log2(2**11 * (1 - by_activations.shortfall[:, 0])).round().astype(int) - 2
    assert len(set(drawn.tolist())) > 3
    # The image that was drawn first shows another class than the rest.
    labels = labelled(["ab"[int(image == drawn[0])] for image in range(10)])
    is_rare = ClassPool(labels, range(10)).draws(1, 40, 5).mean_difference > 0.5
    assert (is_rare == (drawn == drawn[0])).all()


def test_what_a_pool_itself_and_sets_larger_than_it_are():
    """The whole pool is no farther than any draw of all of it; a larger set has no such draw."""
    labels = labelled([["a"], ["b", "a"], [], ["c"]])
    sets = {"all": [3, 1, 2, 0], "more": [0, 1, 2, 3, 0]}
    found = hold_classes(labels, range(4), sets, draws=5, seed=1)
    assert found.classes["all"]["mean_difference"] == 0
    assert found.classes["all"]["mean_difference_beats"] == 0.5
    assert list(found.draws) == [4]
    assert found.classes["more"]["mean_difference_beats"] is None
    assert found.classes["more"]["largest_difference"] == pytest.approx(0.1)


@pytest.mark.parametrize("further", [0.0, 2.0])
def test_a_stratified_choice_beats_nearly_all_draws(further):
    """Of pools with one class an image and with several; draws that have all classes are equal."""
    labels = zipf_labels(2000, 40, seed=1, mean_further=further)
    sets = {"stratified": balance(labels, random.Random(42).sample(range(2000), 100), 42)}
    facts = hold_classes(labels, range(2000), sets, draws=200, seed=3).classes["stratified"]
    assert facts["mean_difference_beats"] >= 0.99
    assert facts["largest_difference_beats"] >= 0.99
    assert facts["classes_chosen_beats"] >= 0.9


def test_many_classes_take_little_memory():
    """Ten thousand classes and a thousand draws: never a table of both."""
    import tracemalloc

    labels = labelled([[f"{image:05d}"] for image in range(10_000)])
    pool = ClassPool(labels, range(10_000))
    tracemalloc.start()
    draws = pool.draws(50, 1000, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (draws.missing == 9950).all()
    assert peak < 4e6
