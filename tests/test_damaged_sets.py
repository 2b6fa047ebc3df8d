"""Sets whose bytes or records changed after they were written are never passed on as good."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, Recipe, build, finalize
from streamcalib.errors import DamagedError, SetError, StoppedError
from streamcalib.stores.npy import HEADER_BYTES, NpyStore

COUNT = 1100
TINY = Recipe.yolo11(8)


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> list[Path]:
    return smallsets.make_images(tmp_path_factory.mktemp("images") / "images", 12)


@pytest.fixture(params=["final", "uint8"])
def small(request, paths, tmp_path) -> CalibrationSet:
    """A set whose records stand in its manifest."""
    recipe = smallsets.RECIPE
    return build(paths, tmp_path / "s.npy", recipe=recipe, store=request.param, jobs=1)


@pytest.fixture(params=["final", "uint8"])
def large(request, paths, tmp_path) -> CalibrationSet:
    """A set whose records stand in a side file."""
    images = [paths[n % len(paths)] for n in range(COUNT)]
    return build(images, tmp_path / "l.npy", recipe=TINY, store=request.param, jobs=1)


def side_file(calibration: CalibrationSet) -> Path:
    return calibration.path.with_name(calibration.path.name + ".rows.jsonl")


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_flipped_bit_is_not_finalized(small, tmp_path, suffix):
    """The row is named, and nothing is published under a checksum of what is wrong."""
    row_bytes = small.path.stat().st_size // len(small)
    flip(small.path, HEADER_BYTES + 7 * small._stored().row_bytes + row_bytes // 3)
    with pytest.raises(DamagedError, match="row 7 of") as caught:
        finalize(small.path, tmp_path / f"f.{suffix}")
    assert "s.npy" in text_of(caught.value)
    assert not (tmp_path / f"f.{suffix}").exists()
    told = smallsets.run("finalize", small.path, "--out", tmp_path / f"f.{suffix}", cwd=tmp_path)
    assert (told.code, "row 7" in told.err) == (4, True)


def test_staged_canvases_that_changed_are_not_published(paths, tmp_path, monkeypatch):
    """What the disk did not keep stops the build of an archive, and is made again by the next."""
    read = NpyStore.read

    def altered(store: NpyStore) -> np.ndarray:
        flip(store.path, HEADER_BYTES + 5)
        return read(store)

    with monkeypatch.context() as patch:
        patch.setattr(NpyStore, "read", altered)
        with pytest.raises(StoppedError, match="did not keep what was written"):
            build(paths, tmp_path / "a.npz", recipe=smallsets.RECIPE, jobs=1)
    assert [path.name for path in tmp_path.glob("a.npz*")] == ["a.npz.build"]
    calibration = build(paths, tmp_path / "a.npz", recipe=smallsets.RECIPE, jobs=1)
    np.testing.assert_array_equal(calibration.array(), smallsets.rows(paths))


def cut(file: Path) -> None:
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:900]))


def lengthen(file: Path) -> None:
    file.write_text(file.read_text() + file.read_text().splitlines(keepends=True)[0])


def edit(file: Path) -> None:
    file.write_text(file.read_text().replace('"height": ', '"height": 1', 1))


def put_null(file: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(["null\n", *lines[1:]]))


def put_text(file: Path) -> None:
    file.write_text("what?\n" + file.read_text())


@pytest.mark.parametrize("damage", [cut, lengthen, edit, put_null, put_text])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_records_that_are_not_the_sets_own_are_refused(large, tmp_path, damage, suffix):
    """Cut, longer, edited or no records at all: the message names the file, nothing is written."""
    damage(side_file(large))
    with pytest.raises(SetError, match=r"rows\.jsonl"):
        finalize(large.path, tmp_path / f"f.{suffix}")
    assert not list(tmp_path.glob("f.*"))


@pytest.mark.parametrize("damage", [cut, lengthen, edit])
def test_an_output_with_such_records_can_be_replaced(large, tmp_path, damage):
    """It is no finished file, and --overwrite gets past it."""
    made = finalize(large, tmp_path / "f.npy")
    expected = made.path.read_bytes()
    damage(side_file(made))
    again = finalize(large, made.path, overwrite=True)
    assert again.path.read_bytes() == expected
    assert len(list(again.row_records())) == COUNT


def test_records_in_the_manifest_are_counted(small):
    """A manifest that lacks a row's record is refused when the set is opened."""
    manifest = small.path.with_name("s.npy.json")
    values = json.loads(manifest.read_text())
    del values["rows"][3]
    manifest.write_text(json.dumps(values))
    with pytest.raises(SetError, match="11 records of 12 rows"):
        CalibrationSet.open(small.path)


@pytest.mark.parametrize("value", [None, "xyz", "1ffffffff"])
def test_a_checksum_that_is_none_is_told(small, tmp_path, value):
    """The field of the records is named."""
    manifest = small.path.with_name("s.npy.json")
    values = json.loads(manifest.read_text())
    name = "row_crc32c" if small.manifest.store == "final" else "canvas_crc32c"
    values["rows"][3][name] = value
    manifest.write_text(json.dumps(values))
    with pytest.raises(SetError, match=f"{name} is amiss|'rows' is amiss"):
        finalize(small.path, tmp_path / "f.npy")


@pytest.mark.parametrize("order", ["big-endian", "Fortran"])
def test_another_order_of_bytes_or_axes_is_refused(paths, tmp_path, order):
    """The same values in a file that streamcalib never wrote would be read wrongly."""
    made = build(paths, tmp_path / "s.npy", recipe=smallsets.RECIPE, jobs=1)
    array = np.array(made.array())
    np.save(made.path, array.astype(">f4") if order == "big-endian" else np.asfortranarray(array))
    with pytest.raises(SetError, match="another order of axes or bytes"):
        CalibrationSet.open(made.path)
