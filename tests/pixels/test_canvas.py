"""Canvases: decoded straight to where they belong, or by way of an image of their own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from streamcalib.errors import ImageError
from streamcalib.pixels.canvas import CanvasMaker
from streamcalib.pixels.letterbox import letterbox, place
from streamcalib.pixels.turbo import find_decoder
from streamcalib.recipe import Recipe


class Roundabout(CanvasMaker):
    """Decodes nothing straight into the canvas."""

    def _straight_window(self, height, width):
        return None


def outcome(maker: CanvasMaker, data: bytes, side) -> tuple:
    planes = np.full((3, *side), 7, np.uint8)
    try:
        return (*maker.make(data, planes), planes.tobytes())
    except ImageError as error:
        return (str(error), planes.tobytes())


def test_the_straight_way_is_taken(photographs, decoder, monkeypatch):
    """An image as wide as the canvas is decoded into it, and nothing is copied."""
    seen = []
    decode = type(decoder).decode

    def look(self, data, pixels, out=None):
        image = decode(self, data, pixels, out)
        seen.append(out is not None and image is out)
        return image

    monkeypatch.setattr(type(decoder), "decode", look)
    maker = CanvasMaker(Recipe.yolo11(640), decoder)
    planes = np.empty((3, 640, 640), np.uint8)
    for name in ("china.jpg", "grace_hopper.jpg", "flower.jpg"):
        maker.make(photographs[name], planes)
    assert seen == [True, False, True]


@pytest.mark.parametrize("side", [(47, 33), (33, 47), (64, 47), (64, 33), (640, 640)], ids=str)
@pytest.mark.parametrize("anchor", ["center", "top-left"])
def test_both_ways_give_the_same(side, anchor, photographs, decoder):
    """For all odd and damaged files, one after another, canvas, facts and reasons are the same."""
    recipe = Recipe(height=side[0], width=side[1], anchor=anchor)
    straight, roundabout = CanvasMaker(recipe, decoder), Roundabout(recipe, decoder)
    files = [animal.data for animal in zoo.animals().values()]
    for data in (*photographs.values(), *files, *reversed(files), *zoo.mutations(5, 300)):
        assert outcome(straight, data, side) == outcome(roundabout, data, side)


@settings(max_examples=30)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 40), st.sampled_from([16, 24, 32, 7])), max_size=8),
    side=st.sampled_from([(24, 32), (32, 16), (40, 24)]),
)
def test_a_canvas_owes_nothing_to_the_one_before(sizes, side):
    """Whatever sizes come in whatever order, each canvas is its image's own letterbox."""
    recipe = Recipe.yolo11(side)
    maker = CanvasMaker(recipe, find_decoder())
    planes = np.empty((3, *side), np.uint8)
    for number, (height, width) in enumerate(sizes):
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
        data = zoo.jpeg(pixels)
        image = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), 1), cv2.COLOR_BGR2RGB)
        expected = np.empty((*side, 3), np.uint8)
        letterbox(image, place(height, width, *side), 114, expected)
        maker.make(data, planes)
        assert np.array_equal(planes, expected.transpose(2, 0, 1))
