"""A finished set: opened, read, passed on."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
from pathlib import Path

import joblib
import numpy as np
import pytest

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, ExtraInput, build
from streamcalib.errors import InputError, SetError, SourceError


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, list[Path]]:
    """A folder with one set in both containers, and the set's images."""
    folder = tmp_path_factory.mktemp("sets")
    paths = smallsets.make_images(folder / "images", 6)
    for suffix in ("npy", "npz"):
        build(paths, folder / f"calib.{suffix}", recipe=smallsets.RECIPE, jobs=1)
    return folder, paths


@pytest.fixture(params=["npy", "npz"])
def calibration(request, made, tmp_path) -> CalibrationSet:
    """A set of the test's own."""
    for file in made[0].glob(f"calib.{request.param}*"):
        shutil.copy(file, tmp_path)
    return CalibrationSet.open(tmp_path / f"calib.{request.param}")


@pytest.fixture
def expected(made) -> np.ndarray:
    return smallsets.rows(made[1])


def test_a_set_is_what_was_built(calibration, expected, made):
    """Length, shape, dtype, recipe and records are those of the build."""
    assert len(calibration) == 6
    assert calibration.shape == (6, 3, 16, 16)
    assert calibration.dtype == np.float32
    assert calibration.recipe == smallsets.RECIPE
    assert calibration.extra_inputs == {}
    assert [record["path"] for record in calibration.row_records()] == [str(p) for p in made[1]]
    np.testing.assert_array_equal(calibration.array(), expected)


def test_the_array_is_mapped_and_read_only(calibration):
    """Nothing is loaded, nothing can be changed, and the map is made once."""
    array = calibration.array()
    assert isinstance(array, np.memmap)
    assert array is calibration.array()
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        calibration.rows(0, 1)[0] = 1


@pytest.mark.parametrize("size", [1, 2, 4, 6, 100])
def test_batches_are_all_rows_in_order(calibration, expected, size):
    """Every batch has ``size`` rows but the last, which may be short."""
    batches = list(calibration.batches(size))
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    np.testing.assert_array_equal(np.concatenate(batches), expected)
    assert all(not batch.flags.writeable for batch in batches)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_has_rows(calibration, size):
    """The error comes at the call, not at the first batch."""
    with pytest.raises(InputError):
        calibration.batches(size)


@pytest.mark.parametrize(
    "passed_on",
    [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_it_passes_by_its_path(calibration, expected, passed_on):
    """A copy maps the file anew; no rows travel in a pickle."""
    calibration.array()
    assert len(pickle.dumps(calibration)) < 1000
    other = passed_on(calibration)
    assert other.path == calibration.path
    assert other.array() is not calibration.array()
    np.testing.assert_array_equal(other.array(), expected)


def total(calibration: CalibrationSet) -> float:
    return float(calibration.array().astype(float).sum())


def test_workers_read_it(calibration, expected):
    """Processes get the set as an argument."""
    sums = joblib.Parallel(n_jobs=2)(joblib.delayed(total)(calibration) for _ in range(4))
    assert sums == [expected.astype(float).sum()] * 4


def test_a_relative_path_is_kept_absolute(calibration, monkeypatch, tmp_path):
    """Changing the folder later does not lose the set."""
    monkeypatch.chdir(tmp_path)
    opened = CalibrationSet.open(calibration.path.name)
    monkeypatch.chdir("/")
    assert len(opened.array()) == 6
    assert pickle.loads(pickle.dumps(opened)).path == calibration.path


def test_it_shows_itself_briefly(calibration):
    """In a session one sees name, shape and dtype."""
    name = calibration.path.name
    assert repr(calibration) == f"<CalibrationSet {name}: (6, 3, 16, 16) float32>"


def test_further_inputs_are_read_back(tmp_path, made):
    """What was given to the build comes back as it was."""
    extra = ExtraInput.parse("orig_size=640,480:int64")
    out = tmp_path / "a.npz"
    build(made[1], out, recipe=smallsets.RECIPE, jobs=1, extra_inputs=[extra])
    assert CalibrationSet.open(out).extra_inputs == {"orig_size": extra}


def refusal(path: Path, error: type[Exception] = SetError) -> str:
    with pytest.raises(error) as caught:
        CalibrationSet.open(path)
    assert caught.value.exit_code == 2
    return text_of(caught.value)


def test_a_set_that_is_not_there_is_told(tmp_path):
    """A path to nothing is a missing set; a folder, a pipe or a loop of links is none."""
    assert "does not exist" in refusal(tmp_path / "calib.npy", SourceError)
    (tmp_path / "folder.npy").mkdir()
    os.mkfifo(tmp_path / "pipe.npy")
    for name in ("folder.npy", "pipe.npy"):
        assert "is not a regular file" in refusal(tmp_path / name, SourceError)
    (tmp_path / "loop.npy").symlink_to("loop.npy")
    assert "does not exist" in refusal(tmp_path / "loop.npy", SourceError)


@pytest.mark.parametrize("name", ["calib.pt", "calib", "calib.npy.json"])
def test_other_endings_are_told(tmp_path, name):
    """A set is known by its ending."""
    (tmp_path / name).touch()
    assert "must end in .npy, .npz or .zarr" in refusal(tmp_path / name)


def test_an_array_without_a_manifest_is_no_set(tmp_path):
    """An ``.npy`` from elsewhere may be anything."""
    np.save(tmp_path / "foreign.npy", np.zeros((6, 3, 16, 16), np.float32))
    assert "has no manifest" in refusal(tmp_path / "foreign.npy")


def test_a_manifest_of_something_else_is_told(calibration):
    """A JSON file that happens to lie there is not taken for a manifest."""
    calibration.path.with_name(calibration.path.name + ".json").write_text('{"images": []}')
    assert "not the manifest of a calibration set" in refusal(calibration.path)


def save_as(path: Path, array: np.ndarray) -> None:
    if path.suffix == ".npz":
        np.savez(path, images=array)
    else:
        np.save(path, array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 3, 16, 16), np.float32),
        np.zeros((6, 3, 16, 16), np.float16),
        np.zeros((6, 16, 16, 3), np.float32),
    ],
    ids=["rows", "dtype", "layout"],
)
def test_a_replaced_array_is_noticed(calibration, array):
    """If file and manifest disagree, neither is believed."""
    save_as(calibration.path, array)
    assert "one of the two was replaced" in refusal(calibration.path)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x93NUMPY", b"PK\x03\x04 no archive", b"years of work" * 1000],
    ids=["empty", "cut header", "cut archive", "text"],
)
def test_a_file_that_is_no_array_is_told(calibration, data):
    """Whatever lies there instead of the data is a clear error."""
    calibration.path.write_bytes(data)
    assert "cannot be mapped" in refusal(calibration.path)


def test_a_cut_file_is_told(calibration):
    """Data that lost its end is not mapped."""
    data = calibration.path.read_bytes()
    calibration.path.write_bytes(data[: len(data) // 2])
    assert "cannot be mapped" in refusal(calibration.path)


def test_one_container_under_the_others_name_is_told(calibration):
    """An ``.npz`` renamed to ``.npy`` is not what its name says, nor the other way round."""
    other = calibration.path.with_name("other")
    with other.open("wb") as file:
        if calibration.path.suffix == ".npy":
            np.savez(file, images=calibration.array())
        else:
            np.save(file, calibration.array())
    shutil.copy(other, calibration.path)
    assert "cannot be mapped" in refusal(calibration.path)


def test_objects_are_not_unpickled(calibration):
    """An array of Python objects is refused, whatever its pickle would do."""
    save_as(calibration.path, np.array([print, None], object))
    assert "cannot be mapped" in refusal(calibration.path)


def test_an_npz_without_the_input_is_told(made, tmp_path):
    """The member must have the name that the manifest says."""
    for file in made[0].glob("calib.npz*"):
        shutil.copy(file, tmp_path)
    np.savez(tmp_path / "calib.npz", pixels=np.zeros((6, 3, 16, 16), np.float32))
    message = refusal(tmp_path / "calib.npz")
    assert "cannot be mapped" in message
    assert "images.npy" in message


def test_names_in_messages_are_escaped(tmp_path):
    """A path with control characters cannot play with the terminal."""
    assert "\\x1b" in refusal(tmp_path / "a\x1b[31m.npy", SourceError)


def test_a_set_may_be_renamed_with_its_side_files(calibration):
    """All that belongs to a set begins with its name; moved together it is the same set."""
    folder = calibration.path.parent / "elsewhere"
    folder.mkdir()
    old = calibration.path.name
    for file in calibration.path.parent.glob(f"{old}*"):
        shutil.copy(file, folder / file.name.replace("calib", "renamed"))
    moved = CalibrationSet.open(folder / old.replace("calib", "renamed"))
    np.testing.assert_array_equal(moved.array(), calibration.array())
    assert json.loads(moved.manifest.to_json()) == json.loads(calibration.manifest.to_json())
