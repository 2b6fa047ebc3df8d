"""Rows held against the graph that they are to calibrate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

import smallsets
from graphs import FLOAT16, INT64, UINT8, Input, ultralytics, write_graph
from messages import text_of
from streamcalib import CalibrationSet, ExtraInput, Recipe, build
from streamcalib.errors import ModelError

RAW = replace(smallsets.RECIPE, scale=1.0, name="custom")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    paths = smallsets.make_images(folder / "images", 6)
    build(paths, folder / "calib.npy", recipe=smallsets.RECIPE, jobs=1)
    build(paths, folder / "raw.npy", recipe=RAW, jobs=1)
    build(paths, folder / "bgr.npy", recipe=replace(RAW, scale=255.0, channel_order="BGR"), jobs=1)
    return folder


@pytest.fixture
def calibration(folder):
    return CalibrationSet.open(folder / "calib.npy")


def dividing(path):
    """Write a graph that divides its input by 255 itself."""
    return taking_out(path, 0, 255)


def taking_out(path, mean: float, deviation: float):
    """Write a graph that normalizes its input itself."""
    shape = (1, 3, 16, 16)
    graph = helper.make_graph(
        [
            helper.make_node("Sub", ["images", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "by"], ["output0"]),
        ],
        "normalizing",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(np.float32(mean), "mean"),
            numpy_helper.from_array(np.float32(deviation), "by"),
        ],
    )
    save(helper.make_model(graph), str(path))
    return path


def refusal(calibration, model, wrong: int = 1, **asked) -> str:
    with pytest.raises(ModelError) as caught:
        calibration.reader(model=model, **asked)
    return text_of(caught.value, lines=1 if wrong == 1 else wrong + 1)


def test_what_fits_is_read(calibration, tmp_path):
    """With the batch size that the graph fixes, unless it is open."""
    fixed = write_graph(tmp_path / "fixed.onnx", Input(shape=(3, 3, 16, 16)))
    assert calibration.reader(model=fixed).batch_size == 3
    open_ = write_graph(tmp_path / "open.onnx", Input(shape=("b", 3, "h", "w")))
    assert calibration.reader(model=open_).batch_size == 1
    assert calibration.reader(model=open_, batch_size=2).batch_size == 2


@pytest.mark.parametrize(
    ("graph", "asked", "said"),
    [
        (Input("x", (1, 3, 16, 16)), {}, ["called 'x', not 'images'", "input_name='x'"]),
        (Input(shape=(1, 3, 16, 16), dtype=FLOAT16), {}, ["float16", "float32", "--dtype float16"]),
        (Input(shape=(1, 3, 16, 16), dtype=UINT8), {}, ["takes uint8", "nothing is cast"]),
        (Input(shape=(1, 16, 16, 3)), {}, ["takes NHWC", "layout='NHWC'"]),
        (Input(shape=(1, 3, 32, 16)), {}, ["takes 32x16", "16x16", "--model"]),
        (Input(shape=(4, 3, 16, 16)), {"batch_size": 1}, ["fixed at 4", "steps of 1"]),
    ],
)
def test_what_does_not_fit_is_named(calibration, tmp_path, graph, asked, said):
    """Before anything runs, with what would mend it."""
    message = refusal(calibration, write_graph(tmp_path / "m.onnx", graph), **asked)
    assert "calib.npy does not fit" in message
    for words in said:
        assert words in message


def test_all_that_is_wrong_is_in_one_message(calibration, tmp_path):
    """Name, dtype, sides and batch at once."""
    model = write_graph(tmp_path / "m.onnx", Input("x", (4, 3, 32, 32), FLOAT16))
    message = refusal(calibration, model, wrong=4, batch_size=2)
    for words in ("called 'x'", "float16", "32x32", "fixed at 4"):
        assert words in message


def test_a_view_may_fit_where_the_set_does_not(calibration, tmp_path):
    """Pixels last, asked for."""
    model = write_graph(tmp_path / "m.onnx", Input(shape=(1, 16, 16, 3)))
    step = calibration.reader(model=model, layout="NHWC").get_first()
    assert step["images"].shape == (1, 16, 16, 3)


def test_further_inputs_on_both_sides(folder, calibration, tmp_path):
    """What the graph takes and the set lacks, and the other way round."""
    size = Input("orig_size", (1, 2), INT64)
    needs = write_graph(tmp_path / "needs.onnx", Input(shape=(1, 3, 16, 16)), size)
    assert "'orig_size', too" in refusal(calibration, needs)
    paths = sorted((folder / "images").iterdir())
    extra = ExtraInput("orig_size", [640, 480], "int64")
    has = build(paths, tmp_path / "c.npz", recipe=smallsets.RECIPE, extra_inputs=[extra], jobs=1)
    assert has.reader(model=needs).get_first()["orig_size"].tolist() == [[640, 480]]
    plain = write_graph(tmp_path / "plain.onnx", Input(shape=(1, 3, 16, 16)))
    assert "no input of the graph" in refusal(has, plain)


def test_bytes_for_a_graph_that_normalizes_nothing(folder, tmp_path):
    """0 to 255 is what most models never saw; a range that is meant can be said."""
    raw = CalibrationSet.open(folder / "raw.npy")
    model = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)))
    message = refusal(raw, model)
    assert "go up to 255" in message
    assert "any_range=True" in message
    assert len(raw.reader(model=model, any_range=True)) == 6
    assert len(raw.reader(model=dividing(tmp_path / "divides.onnx"))) == 6


def test_normalized_twice(calibration, tmp_path):
    """By the recipe and by the graph."""
    assert "normalized twice" in refusal(calibration, dividing(tmp_path / "divides.onnx"))
    message = refusal(calibration, taking_out(tmp_path / "mean.onnx", 123.7, 58.4))
    assert "takes mean and scale of values from 0 to 255 out" in message
    assert "normalized twice" in message


def test_bytes_for_a_graph_that_normalizes_fractions(folder, calibration, tmp_path):
    """Its mean and deviation are of values from 0 to 1, and tell so."""
    model = taking_out(tmp_path / "mean.onnx", 0.485, 0.229)
    raw = CalibrationSet.open(folder / "raw.npy")
    assert "constants for values from 0 to 1, and the rows go up to 255" in refusal(raw, model)
    assert len(raw.reader(model=model, any_range=True)) == 6
    assert len(calibration.reader(model=model)) == 6
    assert len(raw.reader(model=taking_out(tmp_path / "bytes.onnx", 123.7, 58.4))) == 6


def test_a_view_of_bytes_is_not_what_a_preset_means(folder, tmp_path):
    """Its recipe has the preset's name still, and other values."""
    paths = sorted((folder / "images").iterdir())
    calib = build(paths, tmp_path / "c.npy", recipe=Recipe.preset("yolov8", 16), jobs=1)
    model = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)))
    assert "go up to 255" in refusal(calib, model, scale="0-255", dtype="float32")
    assert len(calib.reader(model=model)) == 6


def test_bytes_for_an_export_of_unknown_task(folder, tmp_path):
    """Where Ultralytics' predictor is not known, what holds for all graphs holds."""
    said = ultralytics(task="smell", imgsz="[16, 16]")
    model = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)), metadata=said)
    assert "go up to 255" in refusal(CalibrationSet.open(folder / "raw.npy"), model)
    assert len(CalibrationSet.open(folder / "calib.npy").reader(model=model)) == 6


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (ExtraInput("orig_size", [640, 480], "int32"), "steps have int32, 1x2"),
        (ExtraInput("orig_size", [640], "int64"), "steps have int64, 1x1"),
        (ExtraInput("orig_size", 640, "int64"), "steps have int64, 1:"),
    ],
)
def test_further_inputs_of_another_kind(folder, tmp_path, extra, said):
    """Their dtype and shape are held against the graph, too."""
    paths = sorted((folder / "images").iterdir())
    has = build(paths, tmp_path / "c.npz", recipe=smallsets.RECIPE, extra_inputs=[extra], jobs=1)
    size = Input("orig_size", (1, 2), INT64)
    model = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)), size)
    message = refusal(has, model)
    assert "takes 'orig_size' as int64, 1x2" in message
    assert said in message


def test_further_inputs_of_another_batch(folder, tmp_path):
    """Where the graph fixes their first axis and leaves that of the images open."""
    paths = sorted((folder / "images").iterdir())
    extra = ExtraInput("orig_size", [640, 480], "int64")
    has = build(paths, tmp_path / "c.npz", recipe=smallsets.RECIPE, extra_inputs=[extra], jobs=1)
    size = Input("orig_size", (1, 2), INT64)
    model = write_graph(tmp_path / "m.onnx", Input(shape=("b", 3, 16, 16)), size)
    assert "steps have int64, 2x2" in refusal(has, model, batch_size=2)
    assert len(has.reader(model=model)) == 6


@pytest.mark.parametrize("name", ["raw", "bgr"])
def test_unlike_ultralytics_predictor(folder, tmp_path, name):
    """Its exports are held to its own preprocessing."""
    model = write_graph(
        tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)), metadata=ultralytics(imgsz="[16, 16]")
    )
    message = refusal(CalibrationSet.open(folder / f"{name}.npy"), model)
    assert "Ultralytics exported the graph" in message
    assert ("scale 1.0 instead of 255.0" if name == "raw" else "BGR instead of RGB") in message
    fits = CalibrationSet.open(folder / "calib.npy").reader(model=model)
    assert len(fits) == 6


def test_values_outside_of_the_recipes(folder, tmp_path):
    """A manifest that says so is of a set that was tampered with."""
    calibration = CalibrationSet.open(folder / "calib.npy")
    calibration.manifest.value_range["observed"] = [0.0, 3.5]
    model = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)))
    assert "from 0 to 3.5" in refusal(calibration, model)


def test_presets_of_bytes_are_meant(folder, tmp_path):
    """A family whose models take bytes needs no word."""
    paths = sorted((folder / "images").iterdir())
    calib = build(paths, tmp_path / "c.npy", recipe=Recipe.preset("yolox", 16), jobs=1)
    model = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)))
    assert len(calib.reader(model=model)) == 6
