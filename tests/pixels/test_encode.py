"""Encoding: a table of 256 values a channel is the normalization, element for element."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.errors import RecipeError
from streamcalib.pixels import encode
from streamcalib.pixels.encode import Encoder, split_planes
from streamcalib.recipe import Recipe

EVERY = np.arange(256, dtype=np.uint8)
TRIPLES = st.tuples(*[st.floats(-300, 300, width=32)] * 3)
DIVISORS = st.floats(2**-7, 1000, width=32)
NORMALIZATIONS = st.fixed_dictionaries(
    {"scale": DIVISORS, "mean": TRIPLES, "std": st.tuples(DIVISORS, DIVISORS, DIVISORS)}
)
PRESETS = {
    "yolo11": {},
    "imagenet": {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    "minus one to one": {"scale": 127.5, "mean": (1.0, 1.0, 1.0)},
    "0 to 255": {"scale": 1.0},
}


def one_by_one(recipe: Recipe, channel: int, value: int) -> np.float32:
    """Normalize one value, each step rounded to float32."""
    scaled = np.float32(value) / np.float32(recipe.scale)
    return (scaled - np.float32(recipe.mean[channel])) / np.float32(recipe.std[channel])


@given(NORMALIZATIONS)
def test_the_table_is_the_normalization_of_every_value(normalization):
    """All 256 values of all channels are the plain float32 arithmetic, bit for bit."""
    recipe = Recipe(**normalization)
    table = recipe.lookup_table()
    assert (table.shape, table.dtype) == ((3, 256), np.float32)
    expected = [
        [one_by_one(recipe, channel, value) for value in range(256)] for channel in range(3)
    ]
    assert np.array_equal(table, np.array(expected, np.float32))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_table_is_whole_array_arithmetic_too(preset: str):
    """The table equals what numpy gives for a whole image at once."""
    recipe = Recipe(**PRESETS[preset])
    image = np.broadcast_to(EVERY[None, :, None], (1, 256, 3)).astype(np.float32)
    whole = (image / recipe.scale - np.float32(recipe.mean)) / np.float32(recipe.std)
    assert whole.dtype == np.float32
    assert np.array_equal(recipe.lookup_table(), whole[0].T)


def test_yolo_s_table_is_a_division_by_255():
    """For ``yolo11`` the values are ``float32 / 255.0``; multiplying by 1/255 is something else."""
    values = EVERY.astype(np.float32)
    for line in Recipe.yolo11().lookup_table():
        assert np.array_equal(line, values / 255.0)
        assert np.count_nonzero(line != values * np.float32(1 / 255)) == 126


@pytest.mark.parametrize("preset", PRESETS)
def test_float16_is_the_nearest_to_float32(preset: str):
    """A float16 table holds each float32 value rounded to the nearest, ties to even."""
    recipe = Recipe(dtype="float16", **PRESETS[preset])
    wide = Recipe(**PRESETS[preset]).lookup_table()
    table = recipe.lookup_table()
    assert table.dtype == np.float16
    error = np.abs(table.astype(np.float64) - wide)
    above = np.nextafter(table, np.float16(np.inf))
    below = np.nextafter(table, np.float16(-np.inf))
    for neighbour in (above, below):
        other = np.abs(neighbour.astype(np.float64) - wide)
        even = table.view(np.uint16) % 2 == 0
        assert ((error < other) | ((error == other) & even)).all()


def test_a_uint8_table_changes_nothing():
    """A uint8 recipe's table is the values themselves."""
    table = Recipe.yolo11(dtype="uint8").lookup_table()
    assert table.dtype == np.uint8
    assert np.array_equal(table, np.broadcast_to(EVERY, (3, 256)))


@pytest.mark.parametrize(
    "normalization",
    [
        {"scale": 1e-50},
        {"scale": 1e300},
        {"mean": (0.0, 1e300, 0.0)},
        {"std": (1.0, 1.0, 1e-50)},
        {"std": (1e-30, 1.0, 1.0), "scale": 1e-30},
        {"std": (1e-3, 1.0, 1.0), "scale": 1.0, "dtype": "float16"},
    ],
    ids=str,
)
def test_a_table_that_the_dtype_cannot_hold_is_refused(normalization):
    """A recipe whose values would be infinite or no numbers is refused, not built."""
    with pytest.raises(RecipeError, match=r"scale|mean|std"):
        Recipe(**normalization)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_value_range_is_that_of_the_table(preset: str):
    """The range told is the smallest and the largest value over all channels."""
    recipe = Recipe(**PRESETS[preset])
    values = [float(one_by_one(recipe, c, v)) for c in range(3) for v in (0, 255)]
    assert recipe.value_range == (min(values), max(values))


@given(
    st.integers(1, 20), st.integers(1, 20), st.sampled_from(["float32", "float16"]), NORMALIZATIONS
)
def test_rows_by_table_are_rows_by_arithmetic(height, width, dtype, normalization):
    """In both layouts, a row is the arithmetic on every pixel of the canvas."""
    normalization["std"] = tuple(max(value, 1.0) for value in normalization["std"])
    normalization["scale"] = max(normalization["scale"], 1.0)
    recipe = Recipe(height=height, width=width, dtype=dtype, **normalization)
    canvas = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)
    scaled = canvas.astype(np.float32) / np.float32(recipe.scale)
    expected = (scaled - np.float32(recipe.mean)) / np.float32(recipe.std)
    planes = np.empty((3, height, width), np.uint8)
    split_planes(canvas, planes)
    assert np.array_equal(planes, canvas.transpose(2, 0, 1))
    for layout, axes in (("NCHW", (2, 0, 1)), ("NHWC", (0, 1, 2))):
        laid = replace(recipe, layout=layout)
        rows = np.full((1, *laid.row_shape), 7, dtype)
        Encoder(laid).encode(planes[None], rows)
        assert np.array_equal(rows[0], expected.astype(dtype).transpose(axes))


@given(st.floats(1e-3, 1e6), st.integers(0, 2**32 - 1))
def test_dividing_gives_what_the_table_holds(scale, seed):
    """Where a recipe only divides, the division on whole rows is the table, for any scale."""
    recipe = Recipe(height=16, width=16, scale=scale)
    planes = np.random.default_rng(seed).integers(0, 256, (2, 3, 16, 16), np.uint8)
    planes[0, 0] = np.arange(256, dtype=np.uint8).reshape(16, 16)
    rows = np.empty(planes.shape, np.float32)
    Encoder(recipe).encode(planes, rows)
    assert np.array_equal(rows, recipe.lookup_table()[0][planes])


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("mean", [(0.0,) * 3, (0.5,) * 3, (0.4, 0.5, 0.6)], ids=str)
def test_rows_encoded_together_are_rows_encoded_alone(layout, dtype, mean, generator):
    """A slab of rows holds what its rows hold one by one, whichever way they are computed."""
    if dtype == "uint8" and any(mean):
        mean = (0.0, 0.0, 0.0)
    scale = 1.0 if dtype == "uint8" else 255.0
    recipe = Recipe(height=9, width=11, dtype=dtype, layout=layout, mean=mean, scale=scale)
    canvases = generator.integers(0, 256, (5, 3, 9, 11), np.uint8)
    rows = np.full((5, *recipe.row_shape), 7, dtype)
    encoder = Encoder(recipe)
    encoder.encode(canvases, rows)
    table = recipe.lookup_table()
    for canvas, row in zip(canvases, rows, strict=True):
        alone = np.full((1, *recipe.row_shape), 7, dtype)
        encoder.encode(canvas[None], alone)
        assert np.array_equal(row, alone[0])
        expected = np.stack([line[plane] for line, plane in zip(table, canvas, strict=True)])
        if layout == "NHWC":
            expected = expected.transpose(1, 2, 0)
        assert np.array_equal(row, expected)
    assert encoder.is_identity == (dtype == "uint8" and layout == "NCHW")


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("normalization", [{}, {"mean": (0.5,) * 3, "std": (0.5,) * 3}])
def test_no_call_sees_more_columns_than_opencv_can_count(monkeypatch, layout, dtype, normalization):
    """OpenCV takes 31 bits of them and leaves the rest undone: rows go through it by stretches."""
    seen = []
    look_up = encode.cv2.LUT

    def counted(values, table, dst):
        seen.append(max(values.shape[:2]))
        return look_up(values, table, dst=dst)

    monkeypatch.setattr(encode, "_STRETCH", 100)
    monkeypatch.setattr(encode.cv2, "LUT", counted)
    recipe = Recipe(height=16, width=24, layout=layout, dtype=dtype, **normalization)
    canvases = np.random.default_rng(1).integers(0, 256, (5, 3, 16, 24), np.uint8)
    rows = np.full((5, *recipe.row_shape), 77, dtype)
    Encoder(recipe).encode(canvases, rows)
    values = recipe.lookup_table()[0][canvases]
    expected = values if layout == "NCHW" else values.transpose(0, 2, 3, 1)
    assert np.array_equal(rows, expected)
    assert all(columns <= 100 for columns in seen)
