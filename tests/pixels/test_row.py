"""Rows: whole images against the plain recipe, written here a second time without this package."""

from __future__ import annotations

import cv2
import google_crc32c
import numpy as np
import pytest

import zoo
from streamcalib.errors import ImageError
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.recipe import Recipe

SIZES = [(640, 640), (320, 640), (33, 65)]


def reference(data: bytes, recipe: Recipe) -> np.ndarray:
    """Return the row as anyone would make it with OpenCV and numpy."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if recipe.channel_order == "RGB":
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    ratio = min(recipe.height / height, recipe.width / width)
    new_width, new_height = max(round(width * ratio), 1), max(round(height * ratio), 1)
    if (height, width) != (new_height, new_width):
        image = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    down, across = recipe.height - new_height, recipe.width - new_width
    if recipe.anchor == "center":
        top, bottom = round(down / 2 - 0.1), round(down / 2 + 0.1)
        left, right = round(across / 2 - 0.1), round(across / 2 + 0.1)
    else:
        top, bottom, left, right = 0, down, 0, across
    canvas = cv2.copyMakeBorder(
        image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114, 114, 114)
    )
    if recipe.layout == "NCHW":
        canvas = canvas.transpose(2, 0, 1)
    if recipe.dtype == "uint8":
        return np.ascontiguousarray(canvas)
    return np.ascontiguousarray((canvas.astype(np.float32) / 255.0).astype(recipe.dtype))


def assert_same(row: np.ndarray, expected: np.ndarray, name: str) -> None:
    """Check that not a single element, nor shape or dtype, differs."""
    assert row.dtype == expected.dtype, name
    assert row.shape == expected.shape, name
    assert np.count_nonzero(row != expected) == 0, name


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_photographs_become_the_reference_s_rows(size, photographs, decoder):
    """Rows of real photographs differ from the plain recipe in no element."""
    maker = RowMaker(recipe := Recipe.yolo11(size), decoder)
    for name, data in photographs.items():
        row, _ = maker.make(data)
        assert_same(row, reference(data, recipe), name)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_zoo_becomes_the_reference_s_rows(size, decoder):
    """Rows of all odd pictures, one maker after another, differ from the plain recipe in none."""
    maker = RowMaker(recipe := Recipe.yolo11(size), decoder)
    for name in zoo.names("picture"):
        data = zoo.animals()[name].data
        row, _ = maker.make(data)
        assert_same(row, reference(data, recipe), name)


@pytest.mark.parametrize("anchor", ["center", "top-left"])
@pytest.mark.parametrize("channel_order", ["RGB", "BGR"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_every_form_of_row_is_the_reference_s(
    dtype, layout, channel_order, anchor, photographs, decoder
):
    """In every dtype, layout, channel order and place, a row is the plain recipe's."""
    recipe = Recipe(
        height=97,
        width=160,
        dtype=dtype,
        scale=1.0 if dtype == "uint8" else 255.0,
        layout=layout,
        channel_order=channel_order,
        anchor=anchor,
    )
    maker = RowMaker(recipe, decoder)
    odd = {n: zoo.animals()[n].data for n in ("baseline-411", "grey", "cmyk", "exif-6-big", "png")}
    for name, data in (photographs | odd).items():
        row, _ = maker.make(data)
        assert_same(row, reference(data, recipe), name)


def test_a_row_does_not_depend_on_the_one_before(photographs, decoder):
    """After a tall, a wide, a bad and a small image, a row is as from a new maker."""
    recipe = Recipe.yolo11((64, 96))
    used, data = RowMaker(recipe, decoder), photographs["flower.jpg"]
    for name in ("3000x1", "1x3000", "cut-in-half", "1x1"):
        try:
            used.make(zoo.animals()[name].data)
        except ImageError:
            assert name == "cut-in-half"
    again, fresh = used.make(data), RowMaker(recipe, decoder).make(data)
    assert_same(again[0], fresh[0], "flower.jpg")
    assert again[1] == fresh[1]


def test_the_facts_say_how_the_row_was_made(decoder):
    """Size, route and checksum are those of the upright image and its canvas."""
    recipe = Recipe.yolo11((64, 96))
    data = zoo.animals()["exif-6-little"].data
    _, facts = RowMaker(recipe, decoder).make(data)
    canvas = reference(data, Recipe.yolo11((64, 96), dtype="uint8"))
    assert facts == (47, 33, "turbo", google_crc32c.value(canvas.tobytes()))


def test_the_canvas_checksum_is_the_same_in_every_form(photographs, decoder):
    """dtype and layout do not change the canvas's checksum: sets can be compared."""
    data = photographs["china.jpg"]
    forms = [{"dtype": d, "layout": n} for d in ("float32", "float16") for n in ("NCHW", "NHWC")]
    forms.append({"dtype": "uint8", "scale": 1.0})
    facts = [RowMaker(Recipe(height=64, width=96, **f), decoder).make(data)[1] for f in forms]
    assert len(set(facts)) == 1


def test_orientation_and_limits_reach_the_decoder(decoder):
    """The recipe's orientation, the pixel limit and the tolerance are those of the decoding."""
    turned, cut = zoo.animals()["exif-6-little"].data, zoo.animals()["cut-in-half"].data
    ignoring = RowMaker(Recipe(height=32, width=32, orientation="ignore"), decoder)
    assert ignoring.make(turned)[1][:2] == (33, 47)
    with pytest.raises(ImageError, match="over the limit of 100 "):
        RowMaker(Recipe.yolo11(32), decoder, max_pixels=100).make(turned)
    with pytest.raises(ImageError, match="damaged JPEG"):
        RowMaker(Recipe.yolo11(32), decoder).make(cut)
    assert RowMaker(Recipe.yolo11(32), decoder, tolerate_damage=True).make(cut)[1].height == 33


def test_both_decoders_make_the_same_rows(photographs):
    """A set does not depend on which decoder a machine has."""
    makers = [RowMaker(Recipe.yolo11(96), find_decoder(n)) for n in ("auto", "simplejpeg")]
    for data in (*photographs.values(), zoo.animals()["blocks-441"].data):
        first, second = (maker.make(data) for maker in makers)
        assert_same(first[0], second[0], "row")
        assert first[1]._replace(route="") == second[1]._replace(route="")
