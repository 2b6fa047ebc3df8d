"""Letterbox: where an image comes to lie, and that nothing of an older canvas shines through."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.pixels.letterbox import Placement, letterbox, place

SIDES = st.one_of(st.integers(1, 64), st.integers(1, 20000))
CANVASES = st.one_of(st.integers(1, 64), st.integers(1, 4096))


@given(SIDES, SIDES, CANVASES, CANVASES, st.sampled_from(["center", "top-left"]))
def test_a_placement_lies_inside_and_touches_two_sides(height, width, down, across, anchor):
    """The resized image is at least a pixel, lies on the canvas, and fills it one way."""
    placed = place(height, width, down, across, anchor)
    assert 1 <= placed.height <= down
    assert 1 <= placed.width <= across
    assert 0 <= placed.top <= down - placed.height
    assert 0 <= placed.left <= across - placed.width
    assert placed.height == down or placed.width == across


@given(SIDES, SIDES, CANVASES, CANVASES)
def test_a_placement_keeps_the_aspect_ratio_and_the_middle(height, width, down, across):
    """Each side is the exact one to half a pixel; an odd pixel of padding is below or right."""
    placed = place(height, width, down, across)
    ratio = min(Fraction(down, height), Fraction(across, width))
    tolerance = Fraction(1, 2) + Fraction(1, 10**9)
    assert abs(placed.height - max(height * ratio, 1)) <= tolerance
    assert abs(placed.width - max(width * ratio, 1)) <= tolerance
    assert placed.ratio == pytest.approx(float(ratio))
    assert (down - placed.height) - 2 * placed.top in (0, 1)
    assert (across - placed.width) - 2 * placed.left in (0, 1)


@given(SIDES, SIDES, CANVASES, CANVASES)
def test_a_placement_is_ultralytics_formula(height, width, down, across):
    """The numbers are those of Ultralytics' ``LetterBox``, with sides of at least 1."""
    r = min(down / height, across / width)
    new_unpad = max(round(width * r), 1), max(round(height * r), 1)
    dw, dh = across - new_unpad[0], down - new_unpad[1]
    dw, dh = dw / 2, dh / 2
    top, bottom = round(dh - 0.1), round(dh + 0.1)
    left, right = round(dw - 0.1), round(dw + 0.1)
    placed = place(height, width, down, across)
    assert placed == Placement(new_unpad[1], new_unpad[0], top, left, r)
    assert top + placed.height + bottom == down
    assert left + placed.width + right == across


@pytest.mark.parametrize(
    ("image", "canvas", "expected"),
    [
        ((427, 640), (640, 640), (427, 640, 106, 0, 1.0)),
        ((640, 427), (640, 640), (640, 427, 0, 106, 1.0)),
        ((640, 640), (640, 640), (640, 640, 0, 0, 1.0)),
        ((1, 1), (640, 640), (640, 640, 0, 0, 640.0)),
        ((1, 3000), (640, 640), (1, 640, 319, 0, 640 / 3000)),
        ((3000, 1), (640, 640), (640, 1, 0, 319, 640 / 3000)),
        # 2.5 and 3.5 rows: Python rounds half to even, 2 and 4.
        ((5, 20), (10, 10), (2, 10, 4, 0, 0.5)),
        ((7, 20), (10, 10), (4, 10, 3, 0, 0.5)),
    ],
)
def test_known_placements(image, canvas, expected):
    """Placements worked out by hand."""
    assert place(*image, *canvas) == expected


def test_the_top_left_anchor_pads_below_and_right_only():
    """With ``top-left`` the image starts at the corner and has the same size."""
    assert place(427, 640, 640, 640, "top-left") == (427, 640, 0, 0, 1.0)
    assert place(640, 427, 640, 640, "top-left") == (640, 427, 0, 0, 1.0)


@given(
    image=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    canvas=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    anchor=st.sampled_from(["center", "top-left"]),
    pad_value=st.integers(0, 255),
    seed=st.integers(0, 99),
)
def test_a_canvas_is_overwritten_whole(image, canvas, anchor, pad_value, seed):
    """Whatever the canvas held, it is the resized image with its padding, as OpenCV makes it."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (*image, 3), np.uint8)
    drawn = generator.integers(0, 256, (*canvas, 3), np.uint8)
    placed = place(*image, *canvas, anchor)
    letterbox(pixels, placed, pad_value, drawn)
    resized = cv2.resize(pixels, (placed.width, placed.height), interpolation=cv2.INTER_LINEAR)
    if image == (placed.height, placed.width):
        resized = pixels
    bottom = canvas[0] - placed.height - placed.top
    right = canvas[1] - placed.width - placed.left
    padding = (pad_value,) * 3
    sides = (placed.top, bottom, placed.left, right)
    expected = cv2.copyMakeBorder(resized, *sides, cv2.BORDER_CONSTANT, value=padding)
    assert np.array_equal(drawn, expected)


def test_an_image_that_is_not_contiguous_is_placed_alike(generator):
    """An image that a flip or rotation left as a view gives the same canvas."""
    pixels = generator.integers(0, 256, (20, 30, 3), np.uint8)
    first, second = np.empty((16, 16, 3), np.uint8), np.empty((16, 16, 3), np.uint8)
    view = pixels[::-1, ::-1]
    letterbox(view, place(20, 30, 16, 16), 114, first)
    letterbox(np.ascontiguousarray(view), place(20, 30, 16, 16), 114, second)
    assert np.array_equal(first, second)
