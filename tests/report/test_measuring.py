"""Pictures in numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamcalib.recipe import Recipe
from streamcalib.report.measuring import channel_names, level_counts, measure

RGB = channel_names(Recipe())
BGR = channel_names(replace(Recipe(), channel_order="BGR"))


def test_levels_are_counted_exactly(generator):
    """As numpy counts them, of a view that is not contiguous, too."""
    canvas = generator.integers(0, 256, (3, 40, 50), np.uint8)
    picture = canvas[:, 3:33, 7:41]
    expected = [np.bincount(plane.ravel(), minlength=256) for plane in picture]
    np.testing.assert_array_equal(level_counts(picture), expected)


def test_mean_and_contrast_are_those_of_the_pixels(generator):
    """Mean of each channel, luma as JPEG has it, and the largest standard deviation."""
    picture = generator.integers(0, 256, (3, 40, 50), np.uint8)
    found = measure(picture, level_counts(picture), RGB)
    means = picture.mean(axis=(1, 2))
    assert found.means == pytest.approx(means)
    assert found.brightness == pytest.approx(means @ [0.299, 0.587, 0.114])
    assert found.contrast == pytest.approx(picture.std(axis=(1, 2)).max())
    assert not found.is_colourless


def test_brightness_follows_the_channels_names(generator):
    """The same picture in BGR is as bright."""
    picture = generator.integers(0, 256, (3, 40, 50), np.uint8)
    turned = np.ascontiguousarray(picture[::-1])
    one = measure(picture, level_counts(picture), RGB)
    other = measure(turned, level_counts(turned), BGR)
    assert one.brightness == pytest.approx(other.brightness)


def test_colour_is_found_in_a_single_pixel(generator):
    """Equal channels are without colour; one pixel off the grid is enough to have some."""
    plane = generator.integers(0, 256, (40, 50), np.uint8)
    grey = np.stack([plane] * 3)
    assert measure(grey, level_counts(grey), RGB).is_colourless
    grey[1, 3, 5] ^= 1
    assert not measure(grey, level_counts(grey), RGB).is_colourless
