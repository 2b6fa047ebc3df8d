"""The recipe: frozen, validated, the same after a round trip, and taken from graphs."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from graphs import FLOAT16, UINT8, Input, ultralytics, write_graph
from messages import text_of
from streamcalib.errors import ModelError, RecipeError
from streamcalib.recipe import Recipe

_levels = st.floats(0, 4, width=32).filter(lambda value: value == 0 or value > 1e-3)
_triples = st.tuples(_levels, _levels, _levels)
_widths = st.floats(0.0625, 64, width=32)


@st.composite
def recipes(draw) -> Recipe:
    """Draw any recipe."""
    dtype = draw(st.sampled_from(["float32", "float16", "uint8"]))
    plain = dtype == "uint8"
    resize = draw(st.sampled_from(["letterbox", "stretch", "crop"]))
    boxed = resize == "letterbox"
    decoder = draw(st.sampled_from(["opencv", "pil"]))
    turned = st.sampled_from(["opencv", "ignore"]) if decoder == "opencv" else st.just("ignore")
    return Recipe(
        height=draw(st.integers(1, 32768)),
        width=draw(st.integers(1, 32768)),
        dtype=dtype,
        channel_order=draw(st.sampled_from(["RGB", "BGR"])),
        layout=draw(st.sampled_from(["NCHW", "NHWC"])),
        scale=1.0 if plain else draw(st.floats(1, 1000)),
        mean=(0.0, 0.0, 0.0) if plain else draw(_triples),
        std=(1.0, 1.0, 1.0) if plain else draw(st.tuples(_widths, _widths, _widths)),
        pad_value=draw(st.integers(0, 255)),
        anchor=draw(st.sampled_from(["center", "top-left"])) if boxed else "center",
        resize=resize,
        resize_side=draw(st.integers(1, 32768)) if resize == "crop" else None,
        rounding=draw(st.sampled_from(["round", "floor"])) if boxed else "round",
        interpolation=draw(st.sampled_from(["linear", "pil-bilinear", "pil-bicubic"])),
        orientation=draw(turned),
        decoder=decoder,
        name=draw(st.text()),
    )


CHANGES = {
    "height": {"height": 320},
    "width": {"width": 320},
    "dtype": {"dtype": "float16"},
    "channel_order": {"channel_order": "BGR"},
    "layout": {"layout": "NHWC"},
    "scale": {"scale": 256},
    "mean": {"mean": (0.0, 0.0, 0.5)},
    "std": {"std": (1.0, 2.0, 1.0)},
    "pad_value": {"pad_value": 0},
    "anchor": {"anchor": "top-left"},
    "resize": {"resize": "stretch"},
    "resize_side": {"resize": "crop", "resize_side": 256},
    "rounding": {"rounding": "floor"},
    "interpolation": {"interpolation": "pil-bilinear"},
    "orientation": {"orientation": "ignore"},
    "decoder": {"decoder": "pil", "orientation": "ignore"},
}
"""Another value of every field that decides bytes, with what it needs to go with it."""


def test_yolo11_is_ultralytics_preprocessing():
    """The preset's fields are those of the predictor."""
    recipe = Recipe.yolo11()
    expected = {
        "height": 640,
        "width": 640,
        "dtype": "float32",
        "channel_order": "RGB",
        "layout": "NCHW",
        "scale": 255.0,
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
        "pad_value": 114,
        "anchor": "center",
        "resize": "letterbox",
        "resize_side": None,
        "rounding": "round",
        "interpolation": "linear",
        "orientation": "opencv",
        "decoder": "opencv",
        "name": "yolo11",
    }
    assert recipe.to_dict() == expected
    assert replace(recipe, name="custom") == Recipe()


@pytest.mark.parametrize("imgsz", [(320, 480), "320x480"])
@pytest.mark.parametrize(
    ("dtype", "scale"), [("float32", 255.0), ("float16", 255.0), ("uint8", 1.0)]
)
def test_yolo11_in_another_size_and_dtype(imgsz, dtype, scale):
    """A uint8 graph normalizes inside, so its rows hold 0 to 255."""
    recipe = Recipe.yolo11(imgsz, dtype=dtype)
    assert (recipe.height, recipe.width, recipe.dtype, recipe.scale) == (320, 480, dtype, scale)


def test_a_recipe_cannot_be_changed():
    """Recipes are frozen, compare by value, and can be keys."""
    recipe = Recipe.yolo11()
    with pytest.raises(FrozenInstanceError):
        recipe.height = 320
    assert recipe == Recipe.yolo11()
    assert len({recipe, Recipe.yolo11(), Recipe.yolo11(320)}) == 2


def test_fields_are_given_by_name():
    """A height and a width cannot be mixed up by their places."""
    with pytest.raises(TypeError):
        Recipe(640, 640)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((side, value) for side in ("height", "width") for value in (0, -1, 32769)),
        *((side, value) for side in ("height", "width") for value in (640.0, "640", None, True)),
        *(("dtype", value) for value in ("float64", "int8", "FLOAT32", None, 32)),
        ("dtype", np.dtype("float32")),
        ("dtype", np.float32),
        *(("channel_order", value) for value in ("rgb", "RBG", None)),
        *(("layout", value) for value in ("CHW", "nchw", ["NCHW"])),
        *(("anchor", value) for value in ("centre", "")),
        *(("resize", value) for value in ("fill", None)),
        *(("rounding", value) for value in ("ceil", True)),
        *(("interpolation", value) for value in ("cubic", "area")),
        *(("orientation", value) for value in ("pil", True)),
        ("decoder", "turbo"),
        *(("resize_side", value) for value in (0, 32769, 256.0, True)),
        *(("pad_value", value) for value in (-1, 256, 114.0, "114", True, None)),
        *(("scale", value) for value in (0, -255.0, float("nan"), float("inf"), "255", None, True)),
        *(("scale", value) for value in (1e300, 10**400, 1j, 1e-46)),
        *(("mean", value) for value in (0.5, None, "abc", (0.5,), (0, 0, 0, 0), (0, 0, "0"))),
        *(("mean", value) for value in ((0, 0, float("nan")), (0, [0], 0), (True, 0, 0))),
        *(
            ("std", value)
            for value in ((1.0, 1.0, 0.0), (1.0, -1.0, 1.0), (1, 1, float("inf")), 1, {})
        ),
        *(("name", value) for value in (None, 11)),
    ],
)
def test_a_bad_field_is_refused_by_name_and_value(field, value):
    """Every field is checked, and the message shows what it was given."""
    with pytest.raises(RecipeError) as caught:
        Recipe(**{field: value})
    message = text_of(caught.value)
    assert field in message
    assert repr(value) in message or str(value) in message


@pytest.mark.parametrize(
    "changes", [{"scale": 255.0}, {"scale": 1, "mean": (1, 0, 0)}, {"scale": 1, "std": (1, 1, 2)}]
)
def test_uint8_rows_are_not_normalized(changes):
    """dtype uint8 with a scale, mean or std contradicts itself, and the message shows them."""
    with pytest.raises(RecipeError) as caught:
        Recipe(dtype="uint8", **changes)
    message = text_of(caught.value)
    assert "uint8" in message
    assert f"scale {changes['scale']:g}" in message


@pytest.mark.parametrize(
    "changes", [{"dtype": "float16", "scale": 1e-3}, {"scale": 1e-40}, {"std": (1, 1, 1e-40)}]
)
def test_values_beyond_the_dtype_are_refused(changes):
    """A normalization whose values would be infinite is no recipe."""
    with pytest.raises(RecipeError, match="cannot hold"):
        Recipe(**changes)


def test_numbers_of_numpy_are_numbers():
    """A recipe from numpy's numbers equals one from plain ones, and can be written."""
    odd = Recipe(
        height=np.int64(640),
        width=np.uint16(640),
        pad_value=np.uint8(114),
        scale=np.float64(255),
        mean=[np.float32(0), 0, 0],
    )
    assert odd.to_json() == Recipe().to_json()
    assert odd.fingerprint == Recipe(scale=255).fingerprint


@given(recipes())
def test_json_and_back(recipe):
    """A recipe survives being written, whatever its fields; so does its fingerprint."""
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_json(recipe.to_json()).fingerprint == recipe.fingerprint


@given(recipes(), recipes())
def test_the_fingerprint_tells_recipes_apart(first, second):
    """Equal fingerprints mean equal fields, but for the name, and no differences to tell."""
    same = replace(first, name="") == replace(second, name="")
    assert (first.fingerprint == second.fingerprint) == same
    assert (first.differences(second) == []) == same


@pytest.mark.parametrize("field", CHANGES)
def test_every_deciding_field_changes_the_fingerprint(field):
    """What decides bytes decides the fingerprint, and is named as a difference."""
    change = CHANGES[field]
    others = {name: value for name, value in change.items() if name != field}
    before = Recipe(**others) if field != "resize_side" else Recipe(resize="crop", resize_side=255)
    after = Recipe(**change)
    assert after.fingerprint != before.fingerprint
    mine, theirs = getattr(before, field), getattr(after, field)
    assert before.differences(after) == [f"{field}: {mine!r}, not {theirs!r}"]


def test_no_deciding_field_is_forgotten():
    """Every field but the name is tried above."""
    assert {field.name for field in fields(Recipe)} == set(CHANGES) | {"name"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"resize": "crop"}, "resize crop needs resize_side"),
        ({"resize_side": 256}, "resize_side is for resize crop, not for letterbox"),
        ({"resize": "stretch", "resize_side": 256}, "not for stretch: leave it out"),
        ({"resize": "stretch", "rounding": "floor"}, "rounding floor is for resize letterbox"),
        ({"resize": "crop", "resize_side": 9, "anchor": "top-left"}, "anchor top-left is for"),
        ({"decoder": "pil"}, "it needs orientation ignore, not opencv"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(changes, says):
    """The message names both fields, and which is to go or to come."""
    with pytest.raises(RecipeError) as caught:
        Recipe(**changes)
    assert says in text_of(caught.value)


def test_the_name_decides_nothing():
    """A recipe by another name has the same fingerprint."""
    other = replace(Recipe.yolo11(), name="mine")
    assert other.fingerprint == Recipe.yolo11().fingerprint
    assert other.differences(Recipe.yolo11()) == []


@pytest.mark.parametrize(
    ("recipe", "kept"),
    [
        (
            Recipe.yolo11(640),
            "59772b0370e8a36f99ebf0e9490aa69fbde235c2aa4b31c8fb79afe9b0d2d1e8",
        ),
        (
            Recipe(
                height=320,
                width=480,
                dtype="float16",
                channel_order="BGR",
                layout="NHWC",
                scale=1,
                mean=(1, 2, 3),
                std=(1, 2, 4),
                pad_value=0,
                anchor="top-left",
                orientation="ignore",
            ),
            "4e82b4a2cb4ce2a210c6c7e7ccfbc2f2409c544bda69f08783e81a0b4b163fc8",
        ),
    ],
)
def test_the_fingerprint_stays_the_same_for_ever(recipe, kept):
    """Sets and builds on disk are known by it, so another version must not change it."""
    assert recipe.fingerprint == kept


def test_a_recipe_of_the_first_sets_can_still_be_read():
    """Their manifests lack the fields that came later, and their fingerprint is the same."""
    first = {
        "height": 640,
        "width": 640,
        "dtype": "float32",
        "channel_order": "RGB",
        "layout": "NCHW",
        "scale": 255.0,
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
        "pad_value": 114,
        "anchor": "center",
        "resize": "letterbox",
        "interpolation": "linear",
        "orientation": "opencv",
        "decoder": "opencv",
        "name": "yolo11",
    }
    assert Recipe.from_dict(first) == Recipe.yolo11()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ('"yolo11"', "must be a JSON object"),
        ("null", "must be a JSON object"),
        ('{"heigth": 640}', "unknown recipe field 'heigth'"),
        ('{"a\\u001b\\n": 640}', r"unknown recipe field 'a\x1b\n'"),
        ('{"height": "640"}', "height must be 1 to 32768 pixels, not '640'"),
        ('{"mean": 0.5}', "mean must be three finite numbers, not 0.5"),
        ('{"mean": "abc"}', "mean must be three finite numbers, not 'abc'"),
        ('{"scale": NaN}', "scale must be a number above 0, not nan"),
        ('{"scale": ' + "9" * 400 + "}", "scale must be a number above 0"),
        ('{"name": null}', "name must be a string, not None"),
        ('{"layout": {}}', "layout must be NCHW or NHWC, not {}"),
    ],
)
def test_what_is_no_recipe_is_refused(text, says):
    """A file that is no recipe says which field is wrong."""
    with pytest.raises(RecipeError) as caught:
        Recipe.from_json(text)
    assert says in text_of(caught.value)


def test_missing_fields_have_their_defaults():
    """A recipe file needs to say only what differs."""
    assert Recipe.from_json('{"height": 320, "width": 320}') == Recipe(height=320, width=320)


def test_the_shape_of_a_row_follows_the_layout():
    """Channels come first or last; the height before the width."""
    assert Recipe(height=320, width=480).row_shape == (3, 320, 480)
    assert Recipe(height=320, width=480, layout="NHWC").row_shape == (320, 480, 3)


def test_the_yolo_table_is_a_division_by_255():
    """Each value is exactly what ``float32`` division gives."""
    table = Recipe.yolo11().lookup_table()
    expected = np.arange(256, dtype=np.uint8).astype(np.float32) / 255.0
    assert (table.shape, table.dtype) == ((3, 256), np.float32)
    assert all(np.array_equal(line, expected) for line in table)
    assert Recipe.yolo11().value_range == (0.0, 1.0)
    assert Recipe.yolo11(dtype="uint8").value_range == (0.0, 255.0)


@given(recipes())
def test_the_table_is_the_formula(recipe):
    """Channel c of value v is ``(v / scale - mean[c]) / std[c]``, rounded at every step."""
    table = recipe.lookup_table()
    assert table.dtype == recipe.dtype
    assert np.isfinite(table).all()
    f32 = np.float32
    for channel in range(3):
        mean, std = f32(recipe.mean[channel]), f32(recipe.std[channel])
        for value in (0, 1, 114, 254, 255):
            expected = ((f32(value) / f32(recipe.scale) - mean) / std).astype(recipe.dtype)
            assert table[channel, value] == expected
    assert recipe.value_range == (float(table.min()), float(table.max()))


@pytest.mark.parametrize(
    ("image", "metadata", "given_", "expected"),
    [
        (Input(), {}, {}, Recipe.yolo11()),
        (Input(), ultralytics(), {"imgsz": 640, "dtype": "float32"}, Recipe.yolo11()),
        (Input(shape=(16, 3, 320, 480)), {}, {}, Recipe.yolo11((320, 480))),
        (Input(shape=("n", 3, 640, 640)), {}, {"imgsz": "640x640"}, Recipe.yolo11()),
        (Input(shape=("n", 3, "h", "w")), {}, {"imgsz": 320}, Recipe.yolo11(320)),
        (Input(shape=("n", 3, "h", "w")), ultralytics(), {}, Recipe.yolo11(640)),
        (Input(dtype=FLOAT16), {}, {"dtype": "float16"}, Recipe.yolo11(dtype="float16")),
        (Input(dtype=UINT8), {}, {}, Recipe.yolo11(dtype="uint8")),
        (Input(shape=(1, 320, 480, 3)), {}, {}, replace(Recipe.yolo11((320, 480)), layout="NHWC")),
        (
            Input(shape=(1, 8, 8, 3), dtype=UINT8),
            {},
            {},
            replace(Recipe.yolo11(8, dtype="uint8"), layout="NHWC"),
        ),
    ],
)
def test_a_graph_says_its_recipe(tmp_path, image, metadata, given_, expected):
    """Size, dtype and layout are the graph's; the rest is yolo11."""
    path = write_graph(tmp_path / "m.onnx", image, metadata=metadata)
    assert Recipe.from_onnx(path, **given_) == expected
    assert Recipe.from_onnx(str(path), **given_).fingerprint == expected.fingerprint


@given(st.integers(1, 2000), st.integers(1, 2000), st.sampled_from(["float32", "float16", "uint8"]))
def test_a_recipe_agrees_with_the_graph_it_was_made_for(tmp_path_factory, height, width, dtype):
    """A graph of a recipe's own shape and dtype gives that recipe back."""
    assume(height != 3)
    recipe = Recipe.yolo11((height, width), dtype=dtype)
    types = {"float32": 1, "float16": 10, "uint8": 2}
    image = Input(shape=(1, *recipe.row_shape), dtype=types[dtype])
    path = write_graph(tmp_path_factory.getbasetemp() / "agreed.onnx", image)
    assert Recipe.from_onnx(path) == Recipe.from_onnx(path, imgsz=(height, width)) == recipe


@pytest.mark.parametrize(
    ("image", "given_", "says"),
    [
        (Input(), {"imgsz": 320}, ("--imgsz says 320x320", "takes 640x640")),
        (Input(), {"imgsz": "640x320"}, ("--imgsz says 640x320", "takes 640x640")),
        (Input(), {"dtype": "float16"}, ("--dtype says float16", "takes float32")),
        (Input(dtype=UINT8), {"dtype": "float32"}, ("--dtype says float32", "takes uint8")),
        (Input(shape=(1, 3, "h", "w")), {}, ("dynamic height or width (1x3xhxw)", "--imgsz")),
        (Input(shape=(1, 3, 40000, 640)), {}, ("must be 1 to 32768", "(40000, 640)")),
        (Input(), {"imgsz": "big"}, ("--imgsz must be a side or HxW", "'big'")),
    ],
)
def test_a_contradiction_with_the_graph_shows_both_sides(tmp_path, image, given_, says):
    """The message holds what was asked for and what the graph takes."""
    path = write_graph(tmp_path / "m\x1b.onnx", image)
    with pytest.raises(RecipeError) as caught:
        Recipe.from_onnx(path, **given_)
    message = text_of(caught.value)
    assert all(part in message for part in says), message


def test_a_graph_without_an_image_has_no_recipe(tmp_path):
    """What `read_image_input` refuses is refused here too."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, 1, 28, 28)))
    with pytest.raises(ModelError, match="1x1x28x28"):
        Recipe.from_onnx(path)


def test_a_recipe_as_json_can_be_read_by_a_person(tmp_path):
    """One field a line, every field there."""
    text = Recipe.yolo11().to_json()
    assert text.splitlines()[1] == '  "height": 640,'
    assert set(json.loads(text)) == {field.name for field in fields(Recipe)}
