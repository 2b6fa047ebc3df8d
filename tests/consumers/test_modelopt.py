"""NVIDIA ModelOpt itself, on sets that streamcalib built."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamcalib import ExtraInput, build, finalize
from yolo_like import activation_scales, write_yolo_like

pytestmark = [
    pytest.mark.modelopt,
    pytest.mark.skipif(
        importlib.util.find_spec("modelopt") is None
        or importlib.util.find_spec("onnxruntime") is None,
        reason="nvidia-modelopt and onnxruntime are not installed",
    ),
]
SIDE = 64


def plain_recipe(data: bytes, side: int) -> np.ndarray:
    """The OpenCV recipe, written out: decode, RGB, letterbox, CHW, divide."""
    image = cv2.cvtColor(
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
    )
    height, width = image.shape[:2]
    ratio = min(side / height, side / width)
    new_width, new_height = max(round(width * ratio), 1), max(round(height * ratio), 1)
    image = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    across, down = (side - new_width) / 2, (side - new_height) / 2
    image = cv2.copyMakeBorder(
        image,
        round(down - 0.1),
        round(down + 0.1),
        round(across - 0.1),
        round(across + 0.1),
        cv2.BORDER_CONSTANT,
        value=(114, 114, 114),
    )
    return image.transpose(2, 0, 1).astype(np.float32) / 255.0


def modelopt(model: Path, data: Path, out: Path, method: str, *more: str) -> dict[str, float]:
    """Run ModelOpt's command line on the CPU and return the scales it found."""
    command = [
        *(sys.executable, "-m", "modelopt.onnx.quantization"),
        f"--onnx_path={model}",
        "--quantize_mode=int8",
        f"--calibration_data_path={data}",
        f"--calibration_method={method}",
        f"--output_path={out}",
        *more,
        *("--calibration_eps", "cpu"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return activation_scales(out)


@pytest.fixture(scope="module")
def job(tmp_path_factory, photographs):
    """A model, a set of twelve rows as .npy and .npz, and the plain recipe's array of the same."""
    folder = tmp_path_factory.mktemp("modelopt")
    paths = []
    for number in range(12):
        name, data = list(photographs.items())[number % 3]
        paths.append(folder / f"{number:03d}_{name}")
        paths[-1].write_bytes(data)
    model = write_yolo_like(folder / "model.onnx", SIDE)
    calibration = build(paths, folder / "calib.npy", model=model, jobs=1)
    finalize(calibration, folder / "calib.npz")
    reference = np.stack([plain_recipe(path.read_bytes(), SIDE) for path in paths])
    np.save(folder / "plain.npy", reference)
    return folder


@pytest.mark.parametrize("method", ["max", "entropy"])
def test_command_line_takes_the_sets(job, method, tmp_path):
    """ModelOpt finds the same scales in our .npy and .npz as in the plain recipe's array."""
    model = job / "model.onnx"
    expected = modelopt(model, job / "plain.npy", tmp_path / "plain.onnx", method)
    assert len(expected) >= 4
    assert all(0 < scale < 10 for scale in expected.values())
    for name in ("calib.npy", "calib.npz"):
        assert modelopt(model, job / name, tmp_path / f"{name}.onnx", method) == expected, name


def test_other_data_gives_other_scales(job, tmp_path):
    """The comparison can fail: values from 0 to 255 give other scales."""
    plain = np.load(job / "plain.npy")
    np.save(tmp_path / "raw.npy", plain * 255)
    ours = modelopt(job / "model.onnx", job / "calib.npy", tmp_path / "a.onnx", "max")
    raw = modelopt(job / "model.onnx", tmp_path / "raw.npy", tmp_path / "b.onnx", "max")
    assert ours != raw


@pytest.mark.parametrize("method", ["max", "entropy"])
def test_reader_gives_the_command_lines_scales(job, method, tmp_path):
    """``modelopt_reader`` leads to the scales of ModelOpt's own command line on the same set."""
    expected = modelopt(job / "model.onnx", job / "calib.npy", tmp_path / "a.onnx", method)
    for name in ("calib.npy", "calib.npz"):
        through_reader(job / "model.onnx", job / name, tmp_path / f"{name}.onnx", method)
        assert activation_scales(tmp_path / f"{name}.onnx") == expected, name


def test_model_with_a_further_input(tmp_path, photographs):
    """An .npz with an extra input feeds a model of two inputs, through the command line."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(str(write_yolo_like(tmp_path / "one.onnx", SIDE)))
    model.graph.input.append(helper.make_tensor_value_info("gain", TensorProto.FLOAT, [1, 1, 1]))
    model.graph.node[-1].input[0] = "gained"
    model.graph.node.insert(
        len(model.graph.node) - 1, helper.make_node("Mul", ["mixed", "gain"], ["gained"])
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(tmp_path / "two.onnx"))
    paths = []
    for name, data in photographs.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    extra = ExtraInput.parse("gain=[[2.0]]:float32")
    build(paths, tmp_path / "calib.npz", model=tmp_path / "two.onnx", extra_inputs=[extra], jobs=1)
    scales = modelopt(tmp_path / "two.onnx", tmp_path / "calib.npz", tmp_path / "q.onnx", "max")
    assert len(scales) >= 4


@pytest.mark.slow
def test_reader_keeps_memory_flat(tmp_path, photographs):
    """Through the reader, 300 rows take no more anonymous memory than 50, but for 30 MB."""
    side = 320
    paths = []
    for name, data in photographs.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    model = write_yolo_like(tmp_path / "model.onnx", side)
    peaks = []
    for rows in (50, 300):
        listed = [paths[number % len(paths)] for number in range(rows)]
        out = tmp_path / f"calib{rows}.npy"
        assert build(listed, out, model=model).array().nbytes == rows * 3 * side * side * 4
        peaks.append(through_reader(model, out, tmp_path / f"q{rows}.onnx", "max"))
        out.unlink()
    assert peaks[1] - peaks[0] < 30e6, peaks


def through_reader(model: Path, data: Path, out: Path, method: str) -> int:
    """Quantize through the reader in a process of its own; return its peak of anonymous bytes."""
    script = Path(__file__).with_name("modelopt_memory.py")
    command = [sys.executable, str(script), str(model), str(data), str(out), method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-1])
