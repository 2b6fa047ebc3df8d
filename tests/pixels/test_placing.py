"""Where images stand: stretched, cropped, or letterboxed with sides that are rounded down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from streamcalib.pixels.letterbox import Placement, fit, pad, place, window
from streamcalib.pixels.placing import crop, fills_lines, placer, stretch
from streamcalib.recipe import Recipe

SIDES = st.one_of(st.integers(1, 64), st.integers(1, 20000))
CANVASES = st.one_of(st.integers(1, 64), st.integers(1, 2048))


@given(SIDES, SIDES, CANVASES, CANVASES, CANVASES)
def test_a_crop_is_torchvisions_formula(height, width, down, across, side):
    """Sizes, cuts and padding are those of ``Resize(side)`` and ``CenterCrop((down, across))``."""
    # As _compute_resized_output_size of torchvision 0.29.1 has it.
    short, long = (width, height) if width <= height else (height, width)
    longer = int(side * long / short)
    new_width, new_height = (side, longer) if width <= height else (longer, side)
    placed = crop(height, width, down, across, side)
    assert placed[:2] == (new_height, new_width)
    # As center_crop has it: padding first, if any, then the cut.
    for offset, size, canvas in (
        (placed.top, new_height, down),
        (placed.left, new_width, across),
    ):
        before = (canvas - size) // 2 if canvas > size else 0
        after = (canvas - size + 1) // 2 if canvas > size else 0
        cut = int(round((size + before + after - canvas) / 2.0))  # noqa: RUF046
        assert offset == before - cut


@given(SIDES, SIDES, CANVASES, CANVASES, CANVASES)
def test_a_crop_keeps_the_middle(height, width, down, across, side):
    """What is cut off or added differs by a pixel at most, and the shorter side is as asked."""
    placed = crop(height, width, down, across, side)
    assert min(placed[:2]) == side
    for offset, size, canvas in (
        (placed.top, placed.height, down),
        (placed.left, placed.width, across),
    ):
        after = canvas - size - offset
        assert abs(offset - after) <= 1
        assert (offset <= 0) == (after <= 0) or min(abs(offset), abs(after)) == 0


@given(SIDES, SIDES, CANVASES, CANVASES)
def test_a_stretched_image_is_the_canvas(height, width, down, across):
    """It has the canvas's size, and its two ratios are told."""
    placed = stretch(height, width, down, across)
    assert placed == Placement(down, across, 0, 0, (down / height, across / width))


@given(SIDES, SIDES, CANVASES, CANVASES)
def test_rounding_down_is_yoloxs_formula(height, width, down, across):
    """Sides are cut to whole pixels, and at least one; never larger than when rounded."""
    r = min(down / height, across / width)
    placed = place(height, width, down, across, "top-left", "floor")
    assert placed[:2] == (max(int(height * r), 1), max(int(width * r), 1))
    rounded = place(height, width, down, across)
    assert 0 <= rounded.height - placed.height <= 1
    assert 0 <= rounded.width - placed.width <= 1
    assert placed.height <= down
    assert placed.width <= across


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(height=8, width=10), place(5, 7, 8, 10)),
        (
            Recipe(height=8, width=10, anchor="top-left", rounding="floor"),
            place(5, 7, 8, 10, "top-left", "floor"),
        ),
        (Recipe(height=8, width=10, resize="stretch"), stretch(5, 7, 8, 10)),
        (Recipe(height=8, width=10, resize="crop", resize_side=9), crop(5, 7, 8, 10, 9)),
    ],
)
def test_a_recipe_is_placed_as_it_says(recipe, expected):
    """Each way of making an image fit is the one of that name."""
    assert placer(recipe)(5, 7) == expected


@given(
    image=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    canvas=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    side=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_a_cropped_canvas_is_overwritten_whole(image, canvas, side, seed):
    """Whatever it held, it is the middle of the resized image, as Pillow cuts and pads it."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (*image, 3), np.uint8)
    drawn = generator.integers(0, 256, (*canvas, 3), np.uint8)
    placed = crop(*image, *canvas, side)
    pad(drawn, placed, 7)
    fit(pixels, drawn, placed, "pil-bilinear")
    resized = Image.fromarray(pixels).resize(
        (placed.width, placed.height), Image.Resampling.BILINEAR
    )
    expected = Image.new("RGB", canvas[::-1], (7, 7, 7))
    expected.paste(resized, (placed.left, placed.top))
    assert np.array_equal(drawn, np.asarray(expected))


@given(
    image=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    canvas=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    side=st.integers(1, 30),
)
def test_an_image_that_fills_lines_stands_there_without_gaps(image, canvas, side):
    """Its window is then one piece of memory, of the resized image's own size."""
    recipe = Recipe(height=canvas[0], width=canvas[1], resize="crop", resize_side=side)
    placed = placer(recipe)(*image)
    view = window(np.empty((*canvas, 3), np.uint8), placed)
    if fills_lines(placed, recipe):
        assert view.shape[:2] == placed[:2]
        assert view.flags.c_contiguous
    else:
        assert view.shape[:2] != placed[:2] or placed.width != canvas[1]
