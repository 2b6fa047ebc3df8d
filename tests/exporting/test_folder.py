"""Folders of plain files."""

from __future__ import annotations

import json

import numpy as np
import pytest

import smallsets
from exportlines import lists_in, normalized, pixels_last
from streamcalib import build, export
from streamcalib.errors import InputError
from streamcalib.pixels.checksum import checksums

ODD_NAMES = ["it's.jpg", 'a "b".jpg', "line\nbreak.jpg", "straße 日本.jpg", "a;b|c.jpg", "-rf.jpg"]


def index_of(folder) -> list[dict]:
    text = (folder.parent / f"{folder.name}.rows.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("layout", [None, "NCHW", "NHWC"])
def test_one_file_a_row(made, tmp_path, layout):
    """Without a batch axis, in the recipe's layout or another."""
    export(made.calibration, tmp_path / "f", "folder", layout=layout)
    files = sorted((tmp_path / "f").iterdir())
    found = np.stack([np.load(file, allow_pickle=False) for file in files])
    assert found.dtype == made.values.dtype
    given = layout or made.recipe.layout
    np.testing.assert_array_equal(
        pixels_last(found, given), pixels_last(made.values, made.recipe.layout)
    )


@pytest.mark.parametrize("dtype", [None, "float32", "float16"])
@pytest.mark.parametrize("value_range", ["0-1", "0-255"])
def test_ranges(made, tmp_path, value_range, dtype):
    """Both ranges, and the numbers that lead from them to the recipe's values."""
    asked = {"value_range": value_range, "dtype": dtype, "layout": "NHWC"}
    done = export(made.calibration, tmp_path / "f", "folder", **asked)
    found = np.stack([np.load(file) for file in sorted((tmp_path / "f").iterdir())])
    unit = made.pixels.astype(np.float32) / np.float32(255)
    expected = unit if value_range == "0-1" else made.pixels
    np.testing.assert_array_equal(found, expected.astype(found.dtype))
    assert found.dtype == (dtype or ("float32" if value_range == "0-1" else "uint8"))
    mean, std = lists_in(list(done.lines.values())[1])
    again = normalized(expected, mean, std)
    values = pixels_last(made.values, made.recipe.layout).astype(np.float32)
    np.testing.assert_allclose(again, values, rtol=1e-6, atol=1e-5)


def test_bytes_alone(plain, tmp_path):
    """``raw`` is the same without a header, little-endian."""
    export(plain.calibration, tmp_path / "r", "raw")
    files = sorted((tmp_path / "r").iterdir())
    assert files[0].name == "000000-000000.bin"
    found = np.stack([np.fromfile(file, "<f4").reshape(3, 16, 16) for file in files])
    np.testing.assert_array_equal(found, plain.values)


@pytest.mark.parametrize("held", [1, 2, 3, 7, 10])
def test_shards(plain, tmp_path, held):
    """Some rows a file, with a batch axis; what is left over makes a shorter one, and is told."""
    done = export(plain.calibration, tmp_path / "f", "folder", shards=held)
    files = sorted((tmp_path / "f").iterdir())
    arrays = [np.load(file) for file in files]
    assert {len(array) for array in arrays[:-1]} <= {held}
    np.testing.assert_array_equal(np.concatenate(arrays), plain.values)
    assert bool(done.warnings) == (7 % held != 0)
    at = [(line["file"], line["at"]) for line in index_of(tmp_path / "f")]
    assert at == [(files[row // held].name, row % held) for row in range(7)]


def test_the_index_names_images(plain, tmp_path, paths):
    """Each line says which file holds which image's row, and the checksum of its bytes."""
    export(plain.calibration, tmp_path / "f", "folder")
    lines = index_of(tmp_path / "f")
    assert [line["image"] for line in lines] == [str(path) for path in paths]
    assert [line["row"] for line in lines] == list(range(7))
    for line in lines:
        row = np.load(tmp_path / "f" / line["file"])
        assert line["crc32c"] == f"{checksums(row[None])[0]:08x}"


def test_odd_names_of_images(tmp_path):
    """Quotes, line breaks and other scripts: plain names, and the image told as it is."""
    folder = tmp_path / "images"
    folder.mkdir()
    images = [folder / name for name in ODD_NAMES]
    for number, path in enumerate(images):
        path.write_bytes(smallsets.jpeg(number))
    calibration = build(images, tmp_path / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    export(calibration, tmp_path / "f", "folder")
    names = sorted(file.name for file in (tmp_path / "f").iterdir())
    assert names == [
        "000000-it_s.npy",
        "000001-a__b_.npy",
        "000002-line_break.npy",
        "000003-stra_e___.npy",
        "000004-a_b_c.npy",
        "000005--rf.npy",
    ]
    lines = index_of(tmp_path / "f")
    assert [line["image"] for line in lines] == [str(path) for path in images]
    assert [line["file"] for line in lines] == names


def test_the_first_rows(plain, tmp_path):
    """``rows`` takes so many from the beginning."""
    export(plain.calibration, tmp_path / "f", "folder", rows=3)
    found = np.stack([np.load(file) for file in sorted((tmp_path / "f").iterdir())])
    np.testing.assert_array_equal(found, plain.values[:3])
    with pytest.raises(InputError, match="--rows 8 is more than"):
        export(plain.calibration, tmp_path / "g", "folder", rows=8)
