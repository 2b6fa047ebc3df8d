"""Resizing by OpenCV and by Pillow."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

import zoo
from streamcalib.pixels.resampling import resampled

FILTERS = {"pil-bilinear": Image.Resampling.BILINEAR, "pil-bicubic": Image.Resampling.BICUBIC}


@pytest.mark.parametrize("size", [(7, 9), (33, 47), (100, 3), (1, 1), (200, 300)])
@pytest.mark.parametrize("name", FILTERS)
def test_pillows_filters(size, name):
    """The pixels are Pillow's own, larger or smaller."""
    image = zoo.picture(33, 47)
    expected = Image.fromarray(image).resize(size[::-1], FILTERS[name])
    assert np.array_equal(resampled(image, *size, name), np.asarray(expected))


def test_opencvs_interpolation():
    """``linear`` is ``INTER_LINEAR``."""
    image = zoo.picture(33, 47)
    expected = cv2.resize(image, (9, 7), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(resampled(image, 7, 9, "linear"), expected)


def test_the_ways_differ():
    """Where an image becomes smaller, no two give the same, so that a mix-up would be seen."""
    image = zoo.picture(100, 120)
    found = {resampled(image, 20, 20, name).tobytes() for name in (*FILTERS, "linear")}
    assert len(found) == 3


def test_an_image_that_is_not_contiguous_is_resized_alike():
    """A view of another order of axes gives the same."""
    view = zoo.picture(33, 47)[::-1, :, ::-1]
    for name in (*FILTERS, "linear"):
        expected = resampled(np.ascontiguousarray(view), 9, 8, name)
        assert np.array_equal(resampled(view, 9, 8, name), expected)
