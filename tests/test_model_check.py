"""What a model takes, which preset serves it, what it leaves to be said, and the command."""

from __future__ import annotations

import shlex

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from graphs import FLOAT16, INT64, UINT8, Input, ultralytics, write_graph
from messages import text_of
from streamcalib.errors import ModelError, RecipeError
from streamcalib.model_check import check_model
from streamcalib.recipe import Recipe


def command(found) -> list[str]:
    (line,) = found.commands
    return shlex.split(line)


def test_ultralytics_exports_leave_nothing_to_say(tmp_path):
    """The command is the shortest there is."""
    path = write_graph(tmp_path / "m.onnx", Input(), metadata=ultralytics(description="YOLOv8n"))
    found = check_model(path)
    assert found.recipe == Recipe.preset("yolov8")
    assert found.unsaid == ()
    expected = ["streamcalib", "build", "--list", "quant100.txt", "--model", str(path)]
    assert command(found) == [*expected, "--out", "calib_yolov8_640.npy"]


def test_a_graph_that_says_nothing_is_only_assumed_to_letterbox(tmp_path):
    """It is said, and the command names the preset."""
    found = check_model(write_graph(tmp_path / "m.onnx", Input()))
    assert found.fit.certainty == "assumed"
    assert "preset yolo11 is only assumed" in found.unsaid[0]
    assert command(found)[6:8] == ["--preset", "yolo11"]


def test_a_classifier_must_be_said(tmp_path):
    """The command has a place to fill in; with the preset it has not."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 224, 224)), outputs=[(1, 1000)])
    found = check_model(path)
    assert found.recipe is None
    assert "say --preset NAME (torchvision, timm" in found.unsaid[0]
    assert command(found)[6:8] == ["--preset", "NAME"]
    found = check_model(path, preset="timm")
    assert found.recipe == Recipe.preset("timm")
    assert found.unsaid == ()
    assert command(found)[6:] == ["--preset", "timm", "--out", "calib_timm_224.npy"]


def test_an_open_size_must_be_said(tmp_path):
    """Unless metadata or the user say it."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, "h", "w")), metadata=ultralytics())
    assert check_model(path).unsaid == ()
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, "h", "w")))
    found = check_model(path)
    assert found.recipe is None
    assert "(1x3xhxw); say --imgsz" in found.unsaid[1]
    assert command(found)[8:10] == ["--imgsz", "SIZE"]
    found = check_model(path, imgsz="320x640")
    assert (found.recipe.height, found.recipe.width) == (320, 640)
    assert command(found)[8:10] == ["--imgsz", "320x640"]


def test_further_inputs_must_be_said(tmp_path):
    """Small ones by value, large ones by a number that fills them; the set is an .npz."""
    path = write_graph(
        tmp_path / "m.onnx",
        Input(),
        Input("orig_target_sizes", ("n", 2), INT64),
        Input("prior", (1, 1, 640, 640), FLOAT16),
    )
    with pytest.raises(ModelError, match="say with --input-name which one"):
        check_model(path)
    found = check_model(path, input_name="images")
    assert found.fit.preset == "rtdetr-original"
    assert any("'orig_target_sizes' (int64, ?x2)" in sentence for sentence in found.unsaid)
    words = command(found)
    assert "orig_target_sizes=VALUES:int64" in words
    assert "prior=VALUE*1x640x640:float16" in words
    assert words[-1] == "calib_rtdetr-original_640.npz"
    assert words[8:10] == ["--input-name", "images"]


def test_a_fixed_batch_asks_for_multiples(tmp_path):
    """Other batches do not."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=(8, 3, 64, 64)), metadata=ultralytics())
    assert check_model(path).unsaid == (
        "The batch is fixed: choose a --count that is a multiple of 8.",
    )


def normalizing(path, operation: str, constant: float, shape=(1, 3, 64, 64)):
    """Write a graph that begins with arithmetic on its input."""
    graph = helper.make_graph(
        [helper.make_node(operation, ["x", "c"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.float32(constant), "c")],
    )
    save(helper.make_model(graph), str(path))
    return path


def test_a_graph_that_divides_itself_gets_a_recipe_of_bytes(tmp_path):
    """The first command writes it, the second uses it; both are as they are typed."""
    found = check_model(normalizing(tmp_path / "m.onnx", "Div", 255), preset="torchvision")
    assert any("divides its input by about 255 itself" in line for line in found.unsaid)
    show, build = found.commands
    assert show.endswith("> recipe.json")
    assert "--set scale=1 --set mean=0,0,0 --set std=1,1,1 --set layout=NCHW" in show
    assert "--recipe recipe.json" in build
    assert "--preset" not in build


def test_a_graph_that_takes_a_mean_of_bytes_out_gets_that_recipe_too(tmp_path):
    """And the sentence says what it does."""
    found = check_model(normalizing(tmp_path / "m.onnx", "Sub", 123.7), preset="torchvision")
    assert any("takes mean and scale of values from 0 to 255" in line for line in found.unsaid)
    assert "--set scale=1 --set mean=0,0,0 --set std=1,1,1" in found.commands[0]


def test_other_arithmetic_at_the_beginning_is_told(tmp_path):
    """Whether it is a normalization, only the user knows."""
    found = check_model(normalizing(tmp_path / "m.onnx", "Sub", 0.45))
    assert any("begins with arithmetic" in line for line in found.unsaid)
    assert len(found.commands) == 1


def test_a_graph_of_bytes_needs_no_word(tmp_path):
    """It normalizes inside, and its rows are bytes."""
    path = write_graph(tmp_path / "m.onnx", Input(dtype=UINT8), metadata=ultralytics())
    found = check_model(path)
    assert found.recipe.value_range == (0, 255)
    assert found.unsaid == ()


def test_names_are_quoted_for_a_shell(tmp_path):
    """A file with blanks can be pasted."""
    path = write_graph(tmp_path / "my model.onnx", Input(), metadata=ultralytics())
    assert f"--model '{path}'" in check_model(path).commands[0]


def test_what_contradicts_is_refused(tmp_path):
    """As a build would refuse it."""
    path = write_graph(tmp_path / "m.onnx", Input())
    with pytest.raises(RecipeError, match="--imgsz says 320x320"):
        check_model(path, imgsz="320")
    with pytest.raises(RecipeError, match="--preset 'yolo' is none of"):
        check_model(path, preset="yolo")
    with pytest.raises(ModelError) as caught:
        check_model(write_graph(tmp_path / "g.onnx", Input(shape=(1, 1, 28, 28))))
    assert "grey images, which are not served yet" in text_of(caught.value)
