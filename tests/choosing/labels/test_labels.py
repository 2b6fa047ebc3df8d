"""Labels gathered in any order, and kept by image."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import text_of
from streamcalib.choosing.labels.labels import MOST_CLASSES, Gathering, labelled
from streamcalib.errors import ListError

NAMES = st.lists(st.lists(st.sampled_from("abcdé")), min_size=1, max_size=20)


@given(NAMES.filter(any), st.randoms())
def test_what_is_gathered_in_any_order_is_given_back(names, random):
    """Each image's classes, once each, by name; classes are those that are seen, sorted."""
    facts = [(image, name) for image, of_image in enumerate(names) for name in of_image]
    random.shuffle(facts)
    gathered = Gathering(len(names), "a test")
    for image, name in facts:
        gathered.add(image, name)
    labels = gathered.labels()
    assert len(labels) == len(names)
    assert list(labels.classes) == sorted({name for of_image in names for name in of_image})
    assert [list(labels.of(image)) for image in range(len(names))] == [
        sorted(set(of_image)) for of_image in names
    ]
    assert labels.unknown == sum(not of_image for of_image in names)


def test_an_image_that_is_known_to_show_nothing_is_not_unknown():
    """Background is a statement, silence is none."""
    gathered = Gathering(3, "a test")
    gathered.add(0, "cat")
    gathered.know(1)
    assert gathered.labels().unknown == 1


def test_labels_of_other_images_are_refused():
    """No class for any of them."""
    with pytest.raises(ListError) as caught:
        labelled([[], []], "odd.json")
    assert "odd.json name no class for any of the 2 images" in text_of(caught.value)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([[str(n)] for n in range(MOST_CLASSES + 1)], "more than 10000 classes, like '10000'"),
        ([["x\x1b" * 501]], "a class name of 1002 characters"),
    ],
)
def test_what_is_no_class_is_refused(names, says):
    """A wrong column soon has more values than there are classes, or long ones."""
    with pytest.raises(ListError) as caught:
        labelled(names)
    assert says in text_of(caught.value)
