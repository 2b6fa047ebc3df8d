"""Folders for RKNN-Toolkit2."""

from __future__ import annotations

import numpy as np

from exportlines import call_keywords, normalized, pixels_last
from streamcalib import export


def listed(folder) -> np.ndarray:
    """Return all samples that ``dataset.txt`` names, found as the toolkit finds them."""
    lines = (folder / "dataset.txt").read_text().splitlines()
    assert all(len(line.split()) == 1 for line in lines)
    return np.concatenate([np.load(folder / line, allow_pickle=False) for line in lines])


def test_one_file_a_row(made, tmp_path):
    """Each is (1, 3, H, W) of bytes; mean and std make the recipe's values of them."""
    done = export(made.calibration, tmp_path / "my rknn", "rknn")
    folder = tmp_path / "my rknn"
    found = listed(folder)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found.transpose(0, 2, 3, 1), made.pixels)
    assert np.load(folder / "000002-000002.npy").shape == (1, 3, *made.pixels.shape[1:3])
    config, run = done.lines.values()
    said = call_keywords(config)
    (mean,), (std,) = said["mean_values"], said["std_values"]
    expected = pixels_last(made.values, made.recipe.layout).astype(np.float32)
    again = normalized(made.pixels, np.array(mean), np.array(std))
    np.testing.assert_allclose(again, expected, rtol=1e-6, atol=1e-5)
    assert call_keywords(run) == {"do_quantization": True, "dataset": str(folder / "dataset.txt")}


def test_the_channels_are_not_to_be_swapped(sets, tmp_path):
    """Rows of a BGR recipe are BGR already; the option is for image files, and is left out."""
    made = sets["wide-bgr.npy"]
    done = export(made.calibration, tmp_path / "r", "rknn")
    np.testing.assert_array_equal(listed(tmp_path / "r"), made.values.astype(np.uint8))
    assert any("leave quant_img_RGB2BGR out" in what for what in done.lines)
    assert all("RGB2BGR" not in text for text in done.lines.values())


def test_a_quoted_path_is_python(plain, tmp_path):
    """The line can be pasted, whatever the folder is called."""
    folder = tmp_path / 'it\'s "mine"'
    run = list(export(plain.calibration, folder, "rknn").lines.values())[1]
    assert call_keywords(run)["dataset"] == str(folder / "dataset.txt")
