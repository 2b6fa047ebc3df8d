"""Files for Hailo's compiler."""

from __future__ import annotations

import shlex

import numpy as np
import pytest

from exportlines import lists_in, normalized, pixels_last
from messages import text_of
from streamcalib import export
from streamcalib.errors import InputError, OutputError


def script(done) -> str:
    """Return the line for the model script."""
    return next(iter(done.lines.values()))


def test_an_array_of_bytes(made, tmp_path):
    """(N, H, W, 3), 0 to 255; what the model script does to it gives the recipe's values."""
    done = export(made.calibration, tmp_path / "h.npy", "hailo")
    found = np.load(tmp_path / "h.npy", allow_pickle=False)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, made.pixels)
    expected = pixels_last(made.values, made.recipe.layout)
    if "normalization(" in script(done):
        line = script(done)
        assert line.startswith("normalization1 = normalization([")
        mean, std = lists_in(line)
        np.testing.assert_allclose(normalized(found, mean, std), expected, atol=1e-5, rtol=1e-6)
    else:
        np.testing.assert_array_equal(found.astype(expected.dtype), expected)


def test_yolos_line(plain, tmp_path):
    """The line that Hailo's own model zoo has for YOLO."""
    done = export(plain.calibration, tmp_path / "h.npy", "hailo")
    assert script(done) == "normalization1 = normalization([0, 0, 0], [255, 255, 255])"
    command = shlex.split(list(done.lines.values())[1])
    assert command[:3] == ["hailo", "optimize", "MODEL.har"]
    assert command[command.index("--calib-set-path") + 1] == str(tmp_path / "h.npy")


def test_values_of_the_model_need_no_normalization(made, tmp_path):
    """As float32 the rows are what the graph takes, and the script must not normalize again."""
    done = export(made.calibration, tmp_path / "h.npy", "hailo", dtype="float32")
    found = np.load(tmp_path / "h.npy")
    assert found.dtype == np.float32
    if made.recipe.dtype != "uint8":
        np.testing.assert_array_equal(found, pixels_last(made.values, made.recipe.layout))
    else:
        np.testing.assert_array_equal(found, made.pixels.astype(np.float32))
    assert "normalization1" not in script(done)
    assert "no normalization" in next(iter(done.lines))


def test_a_folder_of_one_a_row(plain, tmp_path):
    """A name without an ending is a folder; its files have no batch axis."""
    export(plain.calibration, tmp_path / "folder", "hailo")
    files = sorted((tmp_path / "folder").iterdir())
    assert [file.name for file in files[:2]] == ["000000-000000.npy", "000001-000001.npy"]
    np.testing.assert_array_equal([np.load(file) for file in files], plain.pixels)


def test_few_rows_are_warned_of(plain, tmp_path):
    """Under 1,024 rows the compiler lowers its level."""
    done = export(plain.calibration, tmp_path / "h.npy", "hailo")
    (warning,) = done.warnings
    assert warning.startswith("7 rows")
    assert "1,024" in warning


def test_refusals(plain, tmp_path):
    """What the compiler does not take."""
    with pytest.raises(InputError, match="float16"):
        export(plain.calibration, tmp_path / "h.npy", "hailo", dtype="float16")
    with pytest.raises(OutputError, match="will be a folder") as caught:
        export(plain.calibration, tmp_path / "h.npz", "hailo")
    text_of(caught.value)
    with pytest.raises(InputError, match="--shards is not for --for hailo"):
        export(plain.calibration, tmp_path / "h", "hailo", shards=2)
    assert list(tmp_path.iterdir()) == []
