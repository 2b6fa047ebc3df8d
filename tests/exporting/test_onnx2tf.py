"""Arrays for onnx2tf."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest

from exportlines import normalized, pixels_last
from graphs import Input, write_graph
from streamcalib import build, export
from streamcalib.errors import OutputError


def cind(done) -> tuple[str, str, np.ndarray, np.ndarray]:
    """Return what follows ``-cind``: name, file, mean and std."""
    (line,) = done.lines.values()
    words = shlex.split(line)
    name, file, mean, std = words[words.index("-cind") + 1 :]
    return name, file, np.array(json.loads(mean)), np.array(json.loads(std))


@pytest.mark.parametrize("value_range", [None, "0-255", "recipe"])
def test_what_onnx2tf_makes_of_it(made, tmp_path, value_range):
    """(x - mean) / std, in float32, is what the model takes."""
    done = export(made.calibration, tmp_path / "t.npy", "onnx2tf", value_range=value_range)
    name, file, mean, std = cind(done)
    assert (name, file) == ("images", str(tmp_path / "t.npy"))
    assert mean.shape == std.shape == (1, 1, 1, 3)
    found = np.load(file)
    if value_range is None:
        np.testing.assert_array_equal(found, made.pixels.astype(np.float32) / np.float32(255))
    elif value_range == "0-255":
        np.testing.assert_array_equal(found, made.pixels)
        assert found.dtype == np.uint8
    expected = pixels_last(made.values, made.recipe.layout).astype(np.float32)
    exact = made.recipe.scale == 255 and value_range is None
    room = {"rtol": 0, "atol": 0} if exact else {"rtol": 2e-6, "atol": 1e-5}
    np.testing.assert_allclose(normalized(found, mean, std), expected, **room)


def test_the_models_names(tmp_path, paths):
    """Where the set knows its model, the command names it and its input."""
    model = write_graph(tmp_path / "my model.onnx", Input("pixels", (1, 3, 16, 16)))
    calibration = build(paths, tmp_path / "c.npy", model=model, jobs=1)
    done = export(calibration, tmp_path / "t.npy", "onnx2tf")
    assert cind(done)[0] == "pixels"
    (line,) = done.lines.values()
    assert shlex.split(line)[:3] == ["onnx2tf", "-i", str(model)]


def test_memory_and_amount(plain, tmp_path):
    """It loads the array and copies it; its guide names 10 images."""
    done = export(plain.calibration, tmp_path / "t.npy", "onnx2tf")
    assert done.load_bytes == 2 * 7 * 16 * 16 * 3 * 4
    assert "10 to 100" in done.warnings[0]


def test_one_array_only(plain, tmp_path):
    """Another ending is refused."""
    with pytest.raises(OutputError, match=r"must end in \.npy"):
        export(plain.calibration, tmp_path / "t", "onnx2tf")
