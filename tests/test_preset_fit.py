"""Which preset a graph is for: told by its metadata, assumed, or to be said."""

from __future__ import annotations

import logging

import pytest

from graphs import INT64, Input, ultralytics, write_graph
from messages import text_of
from streamcalib.errors import ModelError
from streamcalib.graph import read_image_input
from streamcalib.preset_fit import find_fit, fitting_preset
from streamcalib.presets import PRESETS
from streamcalib.recipe import Recipe


def graph(path, *inputs, outputs=None, metadata=None):
    file = write_graph(
        path / "m\x1b.onnx", *(inputs or (Input(),)), metadata=metadata, outputs=outputs
    )
    return read_image_input(file)


@pytest.mark.parametrize(
    ("description", "task", "preset"),
    [
        ("Ultralytics YOLO11n model trained on coco.yaml", "detect", "yolo11"),
        ("Ultralytics YOLO11n-seg model", "segment", "yolo11"),
        ("Ultralytics YOLO26s-pose model", "pose", "yolo26"),
        ("Ultralytics YOLO26n-sem model", "semantic", "yolo26"),
        ("Ultralytics YOLO12x-obb model", "obb", "yolo12"),
        ("Ultralytics YOLOv8n model", "detect", "yolov8"),
        ("Ultralytics YOLOv10b model", "detect", "yolov10"),
        ("Ultralytics YOLOv5nu model", "detect", "yolov5"),
        ("Ultralytics YOLOe-11s-seg model", "segment", "yolo11"),
        ("Ultralytics YOLOe-v8s-seg model", "segment", "yolov8"),
        ("Ultralytics YOLO11n-cls model trained on imagenet", "classify", "yolo11-cls"),
        ("Ultralytics YOLOv8n-cls model", "classify", "yolov8-cls"),
        ("Ultralytics best model", "classify", "yolo11-cls"),
        ("Ultralytics best model", "detect", "yolo11"),
        ("Ultralytics YOLO99n model", "detect", "yolo11"),
        ("", "detect", "yolo11"),
        ("Ultralytics rtdetr-l model", "detect", "rtdetr-ultralytics"),
        ("Ultralytics YOLO26n-depth model", "depth", "yolo26-depth"),
        ("Ultralytics best model", "depth", "yolo26-depth"),
    ],
)
def test_ultralytics_metadata_tell(tmp_path, description, task, preset):
    """Family and task are read; a family that is not known has the usual preset of its task."""
    found = find_fit(graph(tmp_path, metadata=ultralytics(task=task, description=description)))
    assert (found.preset, found.certainty) == (preset, "told")
    assert preset in PRESETS
    assert repr(task) in found.why


def test_the_head_tells_an_rtdetr_by_any_name(tmp_path):
    """A model that was renamed still has the decoder."""
    metadata = ultralytics(description="Ultralytics best model", head="RTDETRDecoder")
    assert find_fit(graph(tmp_path, metadata=metadata)).preset == "rtdetr-ultralytics"


def test_nothing_is_said_of_what_is_told(tmp_path, caplog):
    """A build for it needs no word."""
    assert fitting_preset(graph(tmp_path, metadata=ultralytics())) == "yolo11"
    assert caplog.text == ""


def test_a_graph_that_says_nothing_is_assumed_to_letterbox_and_that_is_said(tmp_path, caplog):
    """The warning names the file, the preset, and the option that changes it."""
    with caplog.at_level(logging.WARNING, "streamcalib"):
        assert fitting_preset(graph(tmp_path)) == "yolo11"
    assert r"m\x1b.onnx says nothing of how its images are made: preset yolo11" in caplog.text
    assert "--preset NAME" in caplog.text


def test_a_graph_that_says_nothing_is_taken_as_the_user_says(tmp_path, caplog):
    """A preset that is given is not doubted."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 224, 224)))
    assert Recipe.from_onnx(path, preset="timm") == Recipe.preset("timm")
    assert caplog.text == ""


@pytest.mark.parametrize("shape", [("n", 1000), (1, 1000), (None, None)])
def test_a_classifier_is_not_letterboxed_in_silence(tmp_path, shape):
    """A graph with one output of two axes must be given a preset."""
    found = graph(tmp_path, outputs=[shape])
    assert (find_fit(found).preset, find_fit(found).certainty) == (None, "open")
    with pytest.raises(ModelError) as caught:
        fitting_preset(found)
    message = text_of(caught.value)
    assert r"m\x1b.onnx must be said: its output has two axes" in message
    assert "--preset NAME (torchvision, timm, yolo11-cls" in message
    assert Recipe.from_image_input(found, preset="yolo11").name == "yolo11"


@pytest.mark.parametrize(
    "outputs", [[(1, 84, 8400)], [(1, 10), (1, 10, 4)], [None], [("n", 4), None]]
)
def test_other_outputs_are_no_classifiers(tmp_path, outputs):
    """Detectors have an output of three axes, and some say no shape."""
    assert find_fit(graph(tmp_path, outputs=outputs)).certainty == "assumed"


def test_the_original_rtdetr_must_be_said_and_is_named(tmp_path):
    """Its second input gives it away."""
    found = graph(tmp_path, Input(), Input("orig_target_sizes", ("n", 2), INT64))
    assert find_fit(found)[:2] == ("rtdetr-original", "open")
    with pytest.raises(ModelError, match="Say --preset rtdetr-original"):
        fitting_preset(found)


@pytest.mark.parametrize("task", ["track", "odd\x1b"])
def test_a_task_that_no_preset_serves_is_refused(tmp_path, task):
    """The message names the task, escaped."""
    found = graph(tmp_path, metadata=ultralytics(task=task))
    with pytest.raises(ModelError) as caught:
        fitting_preset(found)
    escaped = task.replace("\x1b", r"\x1b")
    assert f"task '{escaped}'" in text_of(caught.value)
    assert "no preset serves" in text_of(caught.value)


def test_a_task_of_another_exporter_does_not_matter(tmp_path):
    """Only Ultralytics' metadata, known by its stride, says what a task means."""
    assert find_fit(graph(tmp_path, metadata={"task": "classify"})).certainty == "assumed"
