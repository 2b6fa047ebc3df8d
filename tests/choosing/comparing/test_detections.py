"""Boxes of a detector, and how two sets of them agree."""

from __future__ import annotations

import numpy as np
import pytest

from streamcalib.choosing.comparing.detections import (
    Boxes,
    agreement,
    boxes_of,
    holds_scores,
    is_detector,
)


def output_of(*boxes, places=84, classes=3):
    """Return an output that holds boxes: centre x, centre y, width, height, class, score."""
    output = np.zeros((1, 4 + classes, places), np.float32)
    for place, (x, y, width, height, kind, score) in enumerate(boxes):
        output[0, :4, place] = (x, y, width, height)
        output[0, 4 + kind, place] = score
    return output


def test_boxes_are_read_and_doubles_left_out():
    """The better one of two that overlap stays; another class does not count; faint ones go."""
    found = boxes_of(
        output_of(
            (20, 20, 10, 10, 1, 0.5),
            (21, 20, 10, 10, 1, 0.9),
            (20, 20, 10, 10, 2, 0.6),
            (50, 50, 8, 8, 0, 0.2),
        )
    )
    assert found.classes.tolist() == [1, 2]
    assert found.scores == pytest.approx([0.9, 0.6])
    assert found.corners[0] == pytest.approx([16, 15, 10, 10])
    assert len(boxes_of(output_of()).scores) == 0


def test_what_is_no_number_is_no_box():
    """Of scores and of sides."""
    output = output_of((20, 20, 10, 10, 1, 0.5), (60, 60, 10, 10, 1, 0.5), (40, 40, 9, 9, 1, 0.5))
    output[0, 0, 0] = np.nan
    output[0, 4, 1] = np.inf
    assert boxes_of(output).corners.tolist() == [[35.5, 35.5, 9, 9]]


def test_scores_are_told_from_key_points_and_angles():
    """What leaves 0 to 1 is no score."""
    output = output_of((20, 20, 10, 10, 1, 1.0))
    assert holds_scores(output)
    for other in (-0.2, 17.0, np.nan):
        output[0, 6, 50] = other
        assert not holds_scores(output)


def test_agreement_is_of_class_and_place():
    """Each box is matched once, and by half of their union."""
    one = boxes_of(output_of((20, 20, 10, 10, 1, 0.9), (60, 60, 10, 10, 0, 0.8)))
    assert agreement(one, one) == (2, 2, 2, 0)
    moved = boxes_of(output_of((22, 20, 10, 10, 1, 0.7), (66, 60, 10, 10, 0, 0.8)))
    found = agreement(one, moved)
    assert found[:3] == (2, 2, 1)
    assert found.score_difference == pytest.approx(0.2, abs=1e-6)
    other_class = boxes_of(output_of((20, 20, 10, 10, 2, 0.9)))
    assert agreement(one, other_class)[:3] == (2, 1, 0)
    nothing = Boxes(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0))
    assert agreement(one, nothing) == (2, 0, 0, 0)
    assert agreement(nothing, one) == (0, 2, 0, 0)


def test_a_detector_is_told_by_its_places():
    """One output, as many places as strides 8, 16 and 32 have cells."""
    assert is_detector([(1, 84, 8400)], 640, 640)
    assert not is_detector([(1, 84, 8401)], 640, 640)
    assert not is_detector([(1, 84, 8400), (1, 32, 160, 160)], 640, 640)
    assert not is_detector([(1, 1000)], 640, 640)
