"""The recipe that a user's options add up to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphs import FLOAT16, Input, write_graph
from messages import text_of
from streamcalib.errors import ModelError, RecipeError
from streamcalib.recipe import Recipe
from streamcalib.recipe_choice import choose_recipe


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Recipe.yolo11(640)),
        ({"imgsz": "320x480"}, Recipe.yolo11((320, 480))),
        ({"dtype": "uint8"}, Recipe.yolo11(dtype="uint8")),
        ({"preset": "yolov8", "imgsz": "320", "dtype": "float16"}, None),
    ],
)
def test_presets(options, expected):
    """Without a file or model the preset counts, by default yolo11 at 640 in float32."""
    expected = expected or Recipe.preset("yolov8", 320, dtype="float16")
    assert choose_recipe(**options) == expected


def test_a_model_is_followed(tmp_path):
    """A model's input gives size, dtype and layout; options are checked against it."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, "h", "w", 3), dtype=FLOAT16))
    expected = replace(Recipe.yolo11(320, dtype="float16"), layout="NHWC")
    assert choose_recipe(model=path, imgsz="320") == expected
    named = replace(expected, name="yolov8")
    assert choose_recipe(model=path, imgsz="320", preset="yolov8", dtype="float16") == named
    with pytest.raises(RecipeError, match=r"--dtype says uint8, but input 'images' of .* float16"):
        choose_recipe(model=path, imgsz="320", dtype="uint8")
    with pytest.raises(ModelError, match="does not exist"):
        choose_recipe(model=tmp_path / "missing.onnx")


def test_a_file_says_it_all(tmp_path):
    """A recipe's file is read as written."""
    recipe = Recipe(height=320, channel_order="BGR", mean=(0.1, 0.2, 0.3), name="mine")
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    assert choose_recipe(file=tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"preset": "yolo11"}, "--preset"),
        ({"imgsz": "640"}, "--imgsz"),
        ({"imgsz": ""}, "--imgsz"),
        (
            {"preset": "yolo11", "imgsz": "640", "dtype": "uint8"},
            "--preset and --imgsz and --dtype",
        ),
    ],
)
def test_a_file_stands_alone(tmp_path, options, named):
    """Options that the file decides are refused beside it, by name, before it is read."""
    with pytest.raises(RecipeError) as caught:
        choose_recipe(file=tmp_path / "missing.json", **options)
    assert text_of(caught.value) == f"--recipe says it all: leave {named} out."


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"{", "the recipe is not JSON"),
        (b"\xff\xfe{\0}\0", "cannot be read: it is not UTF-8 text"),
        (b'{"height": 0}', "height must be 1 to 32768 pixels, not 0"),
        (b'{"presett": "yolo11"}', "unknown recipe field 'presett'"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, data, says):
    """The message names the option and the file, then what is wrong in it."""
    path = tmp_path / "re\x1bcipe\n.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(RecipeError) as caught:
        choose_recipe(file=path)
    message = text_of(caught.value)
    assert message.startswith(rf"--recipe {tmp_path}/re\x1bcipe\n.json")
    assert says in message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"preset": "yolo\x1b"}, r"--preset 'yolo\x1b' is none of yolo11"),
        ({"imgsz": "0"}, "--imgsz must be 1 to 32768 pixels a side, not '0'"),
        ({"imgsz": ""}, "--imgsz must be a side or HxW in pixels, like 640, not ''"),
        ({"dtype": "int8"}, "dtype must be float32 or float16 or uint8, not 'int8'"),
    ],
)
def test_what_is_no_option_is_refused(options, says):
    """The message names the option and what was given."""
    with pytest.raises(RecipeError) as caught:
        choose_recipe(**options)
    assert says in text_of(caught.value)
