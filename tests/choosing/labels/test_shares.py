"""How often classes are seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamcalib.choosing.labels.labels import labelled
from streamcalib.choosing.labels.shares import class_shares, compared

NAMES = st.lists(st.lists(st.sampled_from("abcdef"), unique=True), min_size=1, max_size=30)


@given(NAMES.filter(any), st.data())
def test_shares_are_what_counting_gives(names, data):
    """Of any images of a pool, in any order: each image counts once for each class it shows."""
    labels = labelled(names)
    chosen = data.draw(st.lists(st.integers(0, len(names) - 1), unique=True))
    shares = class_shares(labels, chosen)
    for index, name in enumerate(labels.classes):
        count = sum(name in names[image] for image in chosen)
        assert shares.counts[index] == count
        assert shares.shares[index] == count / max(1, len(chosen))
    assert shares.images == len(chosen)
    assert shares.without == sum(not names[image] for image in chosen)


@given(NAMES.filter(any))
def test_a_pool_compared_with_itself_differs_in_nothing(names):
    """All classes are there, the most frequent first, and no share differs."""
    pool = class_shares(labelled(names))
    facts = compared(pool, pool, 3)
    assert facts["largest_difference"] == 0
    assert facts["classes"] == facts["classes_chosen"] == len(pool.classes)
    assert len(facts["shares"]) == min(3, len(pool.classes))
    told = [entry["pool"] for entry in facts["shares"]]
    assert told == sorted(told, reverse=True)
    assert facts["shares"][0]["pool"] == round(float(pool.shares.max()), 6)


def test_classes_that_the_pool_lacks_are_not_present():
    """There are never more than the pool has."""
    labels = labelled([["a"], ["b"]])
    facts = compared(class_shares(labels, [0]), class_shares(labels, [1]), 10)
    assert (facts["classes"], facts["classes_chosen"]) == (1, 0)


def test_a_choice_is_compared_with_its_pool():
    """Class by class, with what is lacking."""
    labels = labelled([["a"], ["a", "b"], ["c"], []])
    facts = compared(class_shares(labels), class_shares(labels, [1, 3]), 10)
    assert facts == {
        "classes": 3,
        "classes_chosen": 2,
        "largest_difference": 0.25,
        "images_without_class": {"pool": 1, "chosen": 1},
        "shares": [
            {"class": "a", "pool": 0.5, "chosen": 0.5, "chosen_images": 1},
            {"class": "b", "pool": 0.25, "chosen": 0.5, "chosen_images": 1},
            {"class": "c", "pool": 0.25, "chosen": 0.0, "chosen_images": 0},
        ],
    }
