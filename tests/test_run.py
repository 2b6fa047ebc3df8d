"""The whole job in one folder."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

import smallsets
from graphs import Input, ultralytics, write_graph
from streamcalib.building.options import BuildOptions
from streamcalib.errors import InputError, ListError, ModelError, OutputError, SourceError
from streamcalib.recipe import Recipe
from streamcalib.run import RunResult, prepare_run, run_prepared, set_name

ONE = BuildOptions(jobs=1)


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A folder of 30 images, next to the current folder's output."""
    monkeypatch.chdir(tmp_path)
    smallsets.make_images(tmp_path / "train2017", 30)
    return tmp_path / "train2017"


def run(source, count=12, out="out", **changes) -> RunResult:
    given = {"recipe": smallsets.RECIPE, "options": ONE, **changes}
    return run_prepared(prepare_run(source, count, out, **given))


def test_a_run_leaves_list_and_set(source, tmp_path):
    """The list is the seed's, the set is the list's, and both stand in one folder."""
    result = run(source, seed=7)
    names = sorted(path.name for path in source.iterdir())
    expected = random.Random(7).sample(names, 12)
    lines = (tmp_path / "out" / "quant12.txt").read_text().splitlines()
    assert lines == [f"train2017/{name}" for name in expected]
    np.testing.assert_array_equal(
        result.calibration.array(), smallsets.rows(source / name for name in expected)
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "calib_yolo11_16.npy",
        "calib_yolo11_16.npy.json",
        "calib_yolo11_16.npy.md",
        "quant12.txt",
        "quant12.txt.json",
    ]


def test_preparing_writes_nothing(source, tmp_path):
    """A run that is only prepared leaves no trace."""
    before = smallsets.contents(tmp_path)
    prepared = prepare_run(source, 12, "out", recipe=smallsets.RECIPE, options=ONE)
    assert prepared.plan.rows == 12
    assert smallsets.contents(tmp_path) == before


def test_the_same_run_builds_nothing(source, tmp_path):
    """List and set are found as they are."""
    run(source)
    before = (tmp_path / "out" / "calib_yolo11_16.npy").stat()
    again = run(source)
    assert again.prepared.complete is not None
    assert again.saved.unchanged
    assert (tmp_path / "out" / "calib_yolo11_16.npy").stat() == before


def test_another_seed_needs_overwrite(source):
    """A folder holds one choice; another one does not replace it unasked."""
    run(source)
    with pytest.raises(OutputError):
        run(source, seed=1)
    other = run(source, seed=1, options=BuildOptions(jobs=1, overwrite=True))
    assert other.calibration.manifest.images["chosen"]["seed"] == 1


def test_two_recipes_share_a_folder(source, tmp_path):
    """Sets of other sizes have other names, and the list is the same."""
    run(source)
    run(source, recipe=Recipe.yolo11(32))
    assert len(list((tmp_path / "out").glob("*.npy"))) == 2
    assert len(list((tmp_path / "out").glob("*.txt"))) == 1


def test_spares_stand_in(source):
    """A run has spares at hand for images that are bad."""
    names = sorted(path.name for path in source.iterdir())
    chosen = random.Random(42).sample(names, 12)
    (source / chosen[3]).write_bytes(b"")
    result = run(source, options=BuildOptions(jobs=1, on_bad="replace"))
    (failure,) = result.calibration.manifest.failures
    assert failure["path"] == f"train2017/{chosen[3]}"
    spares = json.loads((source.parent / "out" / "quant12.txt.json").read_text())["spares"]
    records = list(result.calibration.row_records())
    assert records[3]["path"] == spares[0]


def test_a_model_decides_the_recipe(source, tmp_path):
    """Size, dtype, layout and name are the graph's; the set's name says the size."""
    model = write_graph(
        tmp_path / "m.onnx", Input("pixels", (1, 3, 16, 32)), metadata=ultralytics()
    )
    result = run(source, recipe=None, model=model)
    assert result.calibration.path.name == "calib_yolo11_16x32.npy"
    assert result.calibration.shape == (12, 3, 16, 32)
    assert result.calibration.manifest.input_name == "pixels"
    assert result.calibration.manifest.model["path"] == str(model)


def test_a_models_further_inputs_are_asked_for(source, tmp_path):
    """A graph with more than one input needs a value for each."""
    model = write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)), Input("size", (1, 2), 7))
    with pytest.raises(ModelError, match="size"):
        run(source, recipe=None, model=model)


def test_a_fixed_batch_is_warned_of(source, tmp_path):
    """Rows that are no multiple of the graph's batch will not fit ModelOpt's parts."""
    model = write_graph(tmp_path / "m.onnx", Input(shape=(8, 3, 16, 16)))
    (warning,) = prepare_run(source, 12, "out", model=model, options=ONE).warnings
    assert "batches of 8, and 12 rows" in warning
    assert prepare_run(source, 16, "out", model=model, options=ONE).warnings == ()


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        (Recipe.yolo11(), "calib_yolo11_640.npz"),
        (Recipe.yolo11((320, 640)), "calib_yolo11_320x640.npz"),
        (Recipe.yolo11(64, dtype="float16"), "calib_yolo11_64_float16.npz"),
        (Recipe(), "calib_custom_640.npz"),
    ],
)
def test_a_set_is_named_by_its_recipe(recipe, name):
    """Preset, size and an unusual dtype stand in the name."""
    assert set_name(recipe, "npz") == name


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"count": 31}, ListError),
        ({"count": 0}, ListError),
        ({"source": "nowhere"}, SourceError),
        ({"model": "none.onnx"}, InputError),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(source, tmp_path, changes, error):
    """Neither a list nor a folder is left by a run that could not be."""
    before = smallsets.contents(tmp_path)
    with pytest.raises(error) as caught:
        run(**{"source": source, **changes})
    assert caught.value.exit_code == 2
    assert smallsets.contents(tmp_path) == before
