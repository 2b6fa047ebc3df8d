"""Polygraphy itself, on scripts that streamcalib wrote, with ONNX Runtime in TensorRT's place."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

import smallsets
from graphs import Input, write_graph
from streamcalib import build, export

pytestmark = [
    pytest.mark.polygraphy,
    pytest.mark.skipif(
        importlib.util.find_spec("polygraphy") is None
        or importlib.util.find_spec("onnxruntime") is None,
        reason="polygraphy and onnxruntime are not installed",
    ),
]
PROGRAM = "import sys; from polygraphy.tools import main; sys.exit(main())"


@pytest.mark.parametrize("suffix", ["npy", "zarr"])
def test_the_command_line_reads_the_script(tmp_path, suffix):
    """What ``--data-loader-script`` gives the graph, the graph gives back: the set's rows."""
    from polygraphy.comparator import RunResults

    paths = smallsets.make_images(tmp_path / "images", 7)
    model = write_graph(tmp_path / "m.onnx", Input("images", (2, 3, 16, 16)))
    calibration = build(paths, tmp_path / f"it's.{suffix}", model=model, jobs=1)
    export(calibration, tmp_path / "loader.py", "polygraphy")
    run = ("run", model, "--onnxrt", "--data-loader-script", tmp_path / "loader.py")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, run), "--save-outputs", "out.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ((_, steps),) = RunResults.load(str(tmp_path / "out.json")).items()
    found = [np.asarray(step["output0"]) for step in steps]
    assert [array.shape for array in found] == [(2, 3, 16, 16)] * 3
    np.testing.assert_array_equal(np.concatenate(found), smallsets.rows(paths[:6]))


def test_its_loader_can_be_used_twice(tmp_path):
    """``import_from_script``, as its calibrator uses it; a second network begins anew."""
    from polygraphy import mod

    paths = smallsets.make_images(tmp_path / "images", 3)
    calibration = build(paths, tmp_path / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    export(calibration, tmp_path / "loader.py", "polygraphy")
    loader = mod.import_from_script(str(tmp_path / "loader.py"), "load_data")()
    for _ in range(2):
        found = np.concatenate([step["images"] for step in iter(loader)])
        np.testing.assert_array_equal(found, smallsets.rows(paths))
