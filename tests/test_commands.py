"""The commands that a set hands to a person."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from graphs import Input, write_graph
from streamcalib.commands import model_facts, set_commands
from streamcalib.graph import read_image_input


def command(data: Path, row: tuple[int, ...], graph=None) -> str:
    """Return the ModelOpt command of a set."""
    ours, line = set_commands(data, "final", graph and model_facts(graph, row)).values()
    start = ["streamcalib", "quantize", options(line)["onnx_path"], "--calibration", str(data)]
    assert shlex.split(ours) == [*start, "--out", options(line)["output_path"]]
    return line


def options(command: str) -> dict[str, str]:
    """Return the options of a ModelOpt command, once it is clear that it is one."""
    start, *rest = shlex.split(command.removeprefix("python -m "))
    assert command.startswith("python -m ")
    assert start == "modelopt.onnx.quantization"
    return dict(argument.removeprefix("--").split("=", 1) for argument in rest)


def test_without_a_model_there_is_a_place_for_one():
    """The command is complete but for the model's name."""
    found = options(command(Path("/data/calib.npy"), (3, 640, 640)))
    assert found["onnx_path"] == "MODEL.onnx"
    assert found["quantize_mode"] == "int8"
    assert found["calibration_data_path"] == "/data/calib.npy"
    assert "calibration_shapes" not in found


def test_names_with_spaces_are_one_word(tmp_path):
    """The command can be pasted whatever the paths are called."""
    model = write_graph(tmp_path / "my model's.onnx", Input())
    found = options(command(tmp_path / "a set.npz", (3, 640, 640), read_image_input(model)))
    assert found["onnx_path"] == str(model)
    assert found["calibration_data_path"] == f"{tmp_path}/a set.npz"
    assert Path(found["output_path"]).name == "my model's.int8.onnx"
    assert found["output_path"] != found["onnx_path"]


@pytest.mark.parametrize(
    ("shape", "row", "step"),
    [
        ((1, 3, 640, 640), (3, 640, 640), None),
        (("n", 3, 640, 640), (3, 640, 640), None),
        (("n", 3, "h", "w"), (3, 320, 480), "images:1x3x320x480"),
        ((8, 3, "h", "w"), (3, 320, 480), "images:8x3x320x480"),
        (("n", 3, 320, "w"), (3, 320, 480), "images:1x3x320x480"),
        (("n", "h", "w", 3), (320, 480, 3), "images:1x320x480x3"),
    ],
)
def test_a_graph_of_open_size_gets_the_shape_of_a_step(tmp_path, shape, row, step):
    """ModelOpt takes an unknown side for 1, so it is told; fixed sides need no telling."""
    graph = read_image_input(write_graph(tmp_path / "m.onnx", Input(shape=shape)))
    found = options(command(tmp_path / "calib.npy", row, graph))
    assert found.get("calibration_shapes") == step


def test_the_command_works_in_any_folder(tmp_path, monkeypatch):
    """All its paths are absolute, the model's too."""
    monkeypatch.chdir(tmp_path)
    write_graph(tmp_path / "m.onnx", Input())
    found = options(command(tmp_path / "calib.npy", (3, 640, 640), read_image_input("m.onnx")))
    for option in ("onnx_path", "calibration_data_path", "output_path"):
        assert Path(found[option]).is_absolute(), option


def test_canvases_are_finalized_first(tmp_path):
    """No quantizer's own command takes canvases: the command writes their values beside them."""
    ours, line = set_commands(Path("/sets/my calib.npy"), "uint8", None).values()
    assert shlex.split(ours)[3:5] == ["--calibration", "/sets/my calib.npy"]
    assert shlex.split(line) == [
        *("streamcalib", "finalize", "/sets/my calib.npy"),
        *("--out", "/sets/my calib_final.npy"),
    ]
