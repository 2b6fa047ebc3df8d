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


def _needs(tool):
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed")


# ModelOpt patches ONNX Runtime for the rest of the process: what it does whole comes last.
@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize("tool", ["onnxruntime", "modelopt"])
def test_another_provider_than_the_one_asked_for_ends_the_run(tmp_path, tool):
    """ModelOpt would go on with the CPU where no GPU can be used, and say so in its log alone."""
    import onnxruntime

    from benchmarks import gpu_calibration

    _needs(tool)
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("CUDA can be used here")
    model = write_yolo_like(tmp_path / "model.onnx", 64)
    plain = onnxruntime.InferenceSession
    with pytest.raises(SystemExit, match="CUDAExecutionProvider cannot be used, only CPU"):
        gpu_calibration.main(
            [
                *(str(model), "--tool", tool, "--rows", "2", "--batches", "1", "--rounds", "1"),
                *("--imgsz", "64", "--scratch", str(tmp_path / "scratch")),
                *("--results", str(tmp_path / "gpu.json")),
            ]
        )
    assert onnxruntime.InferenceSession is plain


@pytest.mark.parametrize(
    ("tool", "method", "batches"),
    [
        ("onnxruntime", "max", (1,)),
        ("onnxruntime", "max", (1, 2)),
        ("onnxruntime", "entropy", (2,)),
        ("modelopt", "max", (2,)),
        ("modelopt", "max", (1, 2)),
        ("modelopt", "entropy", (1,)),
    ],
)
def test_both_ways_calibrate_the_same_rows(tmp_path, tool, method, batches):
    """Every figure has its values for every size of a batch, and waiting is a share."""
    from benchmarks import gpu_calibration

    _needs(tool)
    fixed = batches[0] if len(batches) == 1 else "batch"
    model = write_yolo_like(tmp_path / "model.onnx", 64, batch=fixed)
    file = tmp_path / "gpu.json"
    code = gpu_calibration.main(
        [
            *(str(model), "--rows", "4", "--batches", *map(str, batches), "--rounds", "2"),
            *("--tool", tool, "--method", method),
            *("--imgsz", "64", "--provider", "CPUExecutionProvider"),
            *("--scratch", str(tmp_path / "scratch"), "--results", str(file)),
        ]
    )
    assert code == 0
    found = json.loads(file.read_text())
    assert found["parameters"]["batches"] == list(batches)
    assert [len(figure["values"]) for figure in found["figures"]] == [2] * 6 * len(batches)
    assert (found["parameters"]["tool"], found["parameters"]["method"]) == (tool, method)
    assert ("nvidia-modelopt" in found["machine"]["packages"]) == (tool == "modelopt")
    for turn in found["rounds"]["gpu_calibration"]:
        for measured in turn.values():
            assert 0 <= measured["waiting_share"] < 1
            assert 0 < measured["seconds"] <= measured["whole_seconds"]
