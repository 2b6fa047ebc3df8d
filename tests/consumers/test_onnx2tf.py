"""onnx2tf itself, with the command that streamcalib prints."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import smallsets
from streamcalib import build, export
from yolo_like import write_yolo_like

pytestmark = [
    pytest.mark.onnx2tf,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("onnx2tf") is None, reason="onnx2tf is not installed"
    ),
]
SIDE = 32
RECIPE = replace(
    smallsets.RECIPE,
    height=SIDE,
    width=SIDE,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)
# It looks for these photographs of its own in the working folder before it asks the network.
SAMPLE = "calibration_image_sample_data_20x128x128x3_float32.npy"


@pytest.mark.parametrize("value_range", ["0-1", "0-255"])
def test_the_quantized_input_spans_the_sets_values(tmp_path, value_range):
    """The scale of the model's input is that of the recipe's values, from either range."""
    from ai_edge_litert.interpreter import Interpreter

    paths = smallsets.make_images(tmp_path / "images", 10)
    calibration = build(paths, tmp_path / "c.npy", recipe=RECIPE, jobs=1)
    done = export(calibration, tmp_path / "t.npy", "onnx2tf", value_range=value_range)
    (line,) = done.lines.values()
    words = shlex.split(line)[1:]
    words[words.index("-i") + 1] = str(write_yolo_like(tmp_path / "m.onnx", SIDE))
    np.save(tmp_path / SAMPLE, np.zeros((20, 128, 128, 3), np.float32))
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("onnx2tf")), *words, "-o", str(tmp_path / "out")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    made = tmp_path / "out" / "m_full_integer_quant.tflite"
    (read,) = Interpreter(str(made)).get_input_details()
    values = calibration.array()
    assert read["quantization"][0] == pytest.approx((values.max() - values.min()) / 255, rel=1e-4)
