"""The benchmark of calibration on a GPU, at toy size on the CPU provider."""

from __future__ import annotations

import importlib.util
import json

import pytest

from yolo_like import write_yolo_like

pytestmark = [
    pytest.mark.modelopt,
    pytest.mark.skipif(
        importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime is not installed"
    ),
]


@pytest.mark.parametrize("batches", [(1,), (2,), (1, 2)])
def test_both_ways_calibrate_the_same_rows(tmp_path, batches):
    """Every figure has its values for every size of a batch, and waiting is a share."""
    from benchmarks import gpu_calibration

    fixed = batches[0] if len(batches) == 1 else "batch"
    model = write_yolo_like(tmp_path / "model.onnx", 64, batch=fixed)
    file = tmp_path / "gpu.json"
    code = gpu_calibration.main(
        [
            *(str(model), "--rows", "4", "--batches", *map(str, batches), "--rounds", "2"),
            *("--imgsz", "64", "--provider", "CPUExecutionProvider"),
            *("--scratch", str(tmp_path / "scratch"), "--results", str(file)),
        ]
    )
    assert code == 0
    found = json.loads(file.read_text())
    assert found["parameters"]["batches"] == list(batches)
    assert [len(figure["values"]) for figure in found["figures"]] == [2] * 5 * len(batches)
    for turn in found["rounds"]["gpu_calibration"]:
        for measured in turn.values():
            assert 0 <= measured["waiting_share"] < 1
