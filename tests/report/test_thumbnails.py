"""Canvases as small pictures, and the size of a page of them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from streamcalib.recipe import Recipe
from streamcalib.report.thumbnails import PAGE_BYTES, Thumbnails, page_bytes

RECIPE = Recipe.yolo11(640)
RED = np.stack([np.full((640, 640), value, np.uint8) for value in (220, 30, 20)])


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize(("order", "bgr"), [("RGB", (20, 30, 220)), ("BGR", (220, 30, 20))])
def test_planes_are_shown_as_the_colours_they_are(order, bgr):
    """Plane 0 is red for a recipe in RGB, and blue for one in BGR."""
    made = Thumbnails.fitting(10, replace(RECIPE, channel_order=order)).make(RED)
    np.testing.assert_allclose(decoded(made).mean(axis=(0, 1)), bgr, atol=6)


@pytest.mark.parametrize("rows", [1, 50, 100, 300, 1000, 5000])
def test_noise_fits_too(rows, generator):
    """Pictures that compress worst of all stay within their share of the page."""
    thumbnails = Thumbnails.fitting(rows, RECIPE)
    noise = generator.integers(0, 256, (3, 640, 640), np.uint8)
    data = thumbnails.make(noise)
    assert 0 < len(data) <= thumbnails.most_bytes
    assert rows * thumbnails.most_bytes * 4 / 3 < page_bytes(rows)


def test_few_rows_have_large_pictures():
    """The page's bytes are used, and never more pixels made than the canvas has."""
    sides = [Thumbnails.fitting(rows, RECIPE).side for rows in (1, 100, 300, 1000)]
    assert sides == sorted(sides, reverse=True)
    assert sides[1] >= 320
    assert sides[-1] >= 112
    assert Thumbnails.fitting(1, Recipe.yolo11(32)).make(RED[:, :32, :32])
    assert Thumbnails.fitting(1, Recipe.yolo11(32)).side == 32


def test_small_sets_are_shown_whole():
    """Every pixel of a row is in its picture where the page has the bytes."""
    assert Thumbnails.fitting(50, RECIPE).side == 640
    assert Thumbnails.fitting(10, Recipe.yolo11(1280)).side == 1280
    wide = Thumbnails.fitting(10, Recipe.yolo11((320, 1024)))
    assert wide.size(320, 1024) == (1024, 320)


def test_a_thousand_rows_are_five_megabytes():
    """What the promise says, and more rows take in proportion."""
    assert page_bytes(1) == page_bytes(1000) == PAGE_BYTES == 5_000_000
    assert page_bytes(10_000) == 50_000_000


@pytest.mark.parametrize(("height", "width"), [(64, 640), (640, 64), (1, 640)])
def test_thin_canvases_keep_their_shape(height, width):
    """No side becomes nothing."""
    recipe = Recipe.yolo11((height, width))
    image = decoded(Thumbnails.fitting(1000, recipe).make(RED[:, :height, :width].copy()))
    longer, shorter = max(image.shape[:2]), min(image.shape[:2])
    assert shorter == max(1, round(longer * min(height, width) / max(height, width)))
