"""``streamcalib recipe``."""

from __future__ import annotations

import json
import shlex

import pytest

import smallsets
from graphs import Input, ultralytics, write_graph
from streamcalib.presets import PRESETS
from streamcalib.recipe import Recipe


def test_list_shows_every_preset(told):
    """One a line, with what it serves."""
    said = told("recipe", "list")
    assert said.code == 0
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines] == list(PRESETS)
    assert all(PRESETS[name].serves in line for name, line in zip(PRESETS, lines, strict=True))


@pytest.mark.parametrize("name", PRESETS)
def test_show_prints_a_recipe_file_and_words_beside_it(told, name):
    """Standard output is the file; what it does is told on standard error."""
    said = told("recipe", "show", name)
    assert said.code == 0
    assert Recipe.from_json(said.out) == Recipe.preset(name)
    assert said.err.startswith(f"{name}: {PRESETS[name].serves}\n")
    assert PRESETS[name].reference in said.err
    assert "canvas:" in said.err


def test_show_takes_size_dtype_and_changes(told):
    """They end in the file."""
    options = ["--imgsz", "384", "--dtype", "float16", "--crop-pct", "1.0", "--json"]
    said = told("recipe", "show", "timm", *options, "--set", "std=0.5,0.5,0.5")
    recipe = Recipe.from_json(said.out)
    assert (recipe.height, recipe.dtype, recipe.resize_side) == (384, "float16", 384)
    assert recipe.std == (0.5, 0.5, 0.5)
    assert said.err == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "yolo"], "--preset 'yolo' is none of yolo11"),
        (["show", "yolo11", "--crop-pct", "0.9"], "--crop-pct is for presets that crop"),
        (["show", "timm", "--crop-pct", "2"], "--crop-pct must be above 0 and at most 1"),
        (["show", "timm", "--imgsz", "0"], "--imgsz must be 1 to 32768 pixels"),
        (["show", "timm", "--set", "padding=1"], "--set 'padding=1' is not FIELD=VALUE"),
        (["check", "missing\x1b.onnx"], r"the model missing\x1b.onnx does not exist"),
    ],
)
def test_what_cannot_be_shown_is_usage(told, arguments, says):
    """Exit code 2, with the message alone."""
    said = told("recipe", *arguments)
    assert said.code == 2
    assert says in said.err
    assert said.out == ""


def test_a_shown_recipe_builds_a_set(told, images, tmp_path):
    """The two commands of the page, one after the other."""
    recipe = tmp_path / "recipe.json"
    recipe.write_text(told("recipe", "show", "torchvision", "--imgsz", "16").out)
    listed = smallsets.write_list(tmp_path / "list.txt", images)
    out = tmp_path / "calib.npy"
    said = told("build", "--list", listed, "--recipe", recipe, "--out", out)
    assert said.code == 0
    manifest = json.loads((tmp_path / "calib.npy.json").read_text())
    assert manifest["recipe"]["name"] == "torchvision"


def test_check_tells_what_a_model_takes(told, tmp_path):
    """Input, metadata, preset, and the command; which a build then takes."""
    metadata = ultralytics(description="Ultralytics YOLO11n model", names="{0: 'a'}")
    path = write_graph(tmp_path / "m.onnx", Input(shape=("n", 3, 64, 96)), metadata=metadata)
    said = told("recipe", "check", path)
    assert said.code == 0
    for line in (
        "input     'images', float32, NCHW, nx3x64x96",
        "batch     dynamic",
        "size      64x96 (height x width)",
        "gives     'output0' (float32, ?x3x64x96)",
        "metadata  Ultralytics: Ultralytics YOLO11n model; task detect, imgsz 640x640, stride 32",
        "preset    yolo11: Ultralytics' metadata say task 'detect'",
        "letterbox by OpenCV's INTER_LINEAR, center, padding 114",
        "command   streamcalib build --list quant100.txt",
    ):
        assert line in said.out
    assert "to say" not in said.out


def test_the_command_of_check_builds(told, images, tmp_path, monkeypatch):
    """Word for word, where the list has that name."""
    monkeypatch.chdir(tmp_path)
    smallsets.write_list(tmp_path / "quant100.txt", images)
    path = write_graph(tmp_path / "my model.onnx", Input(shape=(1, 3, 16, 16)))
    lines = told("recipe", "check", path).out.splitlines()
    (line,) = [line.removeprefix("command   ") for line in lines if line.startswith("command")]
    program, *arguments = shlex.split(line)
    assert program == "streamcalib"
    assert told(*arguments).code == 0
    assert (tmp_path / "calib_yolo11_16.npy").is_file()


def test_check_shows_names_escaped(told, tmp_path):
    """Metadata and names of a graph are somebody else's text."""
    metadata = ultralytics(description="a\x1b[2J", names="{0: '\x1b'}", stride="3\x1b2")
    path = write_graph(tmp_path / "m.onnx", Input("x\x1b", (1, 3, 8, 8)), metadata=metadata)
    said = told("recipe", "check", path)
    assert "\x1b" not in said.out
    assert r"'x\x1b'" in said.out


def test_a_build_says_what_it_assumes(told, images, tmp_path):
    """Of a model without metadata; not when the preset is said, and not when it is to be quiet."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)))
    listed = smallsets.write_list(tmp_path / "list.txt", images)
    build = ["build", "--list", listed, "--model", path]
    said = told(*build, "--out", tmp_path / "a.npy")
    assert said.code == 0
    assert "warning: " in said.err
    assert "says nothing of how its images are made: preset yolo11 is taken" in said.err
    given = told(*build, "--preset", "yolo11", "--out", tmp_path / "b.npy")
    assert "nothing of how" not in given.err
    assert told(*build, "--quiet", "--out", tmp_path / "c.npy").err == ""


def test_a_build_does_not_letterbox_for_a_classifier(told, images, tmp_path):
    """It is refused before a byte is written, with the presets that may be meant."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)), outputs=[(1, 10)])
    listed = smallsets.write_list(tmp_path / "list.txt", images)
    said = told("build", "--list", listed, "--model", path, "--out", tmp_path / "a.npy")
    assert said.code == 2
    assert "--preset NAME (torchvision, timm, yolo11-cls" in said.err
    assert not (tmp_path / "a.npy").exists()
    given = ["--preset", "torchvision", "--out", tmp_path / "a.npy"]
    assert told("build", "--list", listed, "--model", path, *given).code == 0
