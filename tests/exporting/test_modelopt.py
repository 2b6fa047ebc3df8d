"""Files for ModelOpt's command line, in whole batches."""

from __future__ import annotations

import shlex

import numpy as np
import pytest

import smallsets
from graphs import Input, write_graph
from messages import text_of
from streamcalib import CalibrationSet, ExtraInput, build, export, verify
from streamcalib.cli import commands
from streamcalib.commands import MODELOPT, QUANTIZE
from streamcalib.errors import InputError, ModelError, OutputError
from streamcalib.exporting import modelopt

SIZE = ExtraInput("orig_size", [640, 480], "int64")


def shapes(done) -> str | None:
    """Return what ModelOpt's own command says of shapes; ours must be one that it takes."""
    own = shlex.split(done.lines[QUANTIZE])
    assert own[:2] == ["streamcalib", "quantize"]
    with commands.commands["quantize"].make_context("quantize", own[2:]) as context:
        batch = context.params["batch_size"]
    assert batch == (done.batch if done.batch > 1 else None)
    assert context.params["modelopt"] == ()
    words = [
        word
        for word in shlex.split(done.lines[MODELOPT])
        if word.startswith("--calibration_shapes=")
    ]
    assert len(words) < 2
    return words[0].partition("=")[2] if words else None


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_the_files_that_finalize_writes(made, tmp_path, suffix):
    """Without a batch size it is the whole set, a set itself."""
    done = export(made.calibration, tmp_path / f"m.{suffix}", "modelopt")
    written = CalibrationSet.open(tmp_path / f"m.{suffix}")
    np.testing.assert_array_equal(written.array(), made.values)
    assert shapes(done) is None
    assert done.load_bytes == made.values.nbytes


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_rows_that_fill_batches(made, tmp_path, suffix):
    """7 rows in threes are 6; the step's shape is in the command, and the set is whole."""
    done = export(made.calibration, tmp_path / f"m.{suffix}", "modelopt", batch=3)
    written = CalibrationSet.open(tmp_path / f"m.{suffix}")
    np.testing.assert_array_equal(written.array(), made.values[:6])
    sides = "x".join(map(str, made.recipe.row_shape))
    assert shapes(done) == f"images:3x{sides}"
    assert any("the last 1 row is left out" in warning for warning in done.warnings)
    assert verify(written).is_sound
    low, high = written.manifest.value_range["observed"]
    assert (low, high) == (made.values[:6].min(), made.values[:6].max())
    again = export(made.calibration, tmp_path / f"m.{suffix}", "modelopt", batch=3)
    assert again.is_complete


def test_a_models_own_batch(tmp_path, paths):
    """It is read from the graph; another one is refused, and so are too few rows."""
    model = write_graph(tmp_path / "m.onnx", Input("pixels", (4, 3, 16, 16)))
    calibration = build(paths, tmp_path / "c.npy", model=model, jobs=1)
    done = export(calibration, tmp_path / "m.npz", "modelopt")
    assert done.rows == 4
    assert shapes(done) == "pixels:4x3x16x16"
    with pytest.raises(InputError, match=r"--batch says 2, but .* takes 4"):
        export(calibration, tmp_path / "n.npz", "modelopt", batch=2)
    with pytest.raises(InputError, match="3 rows do not fill one batch of 4"):
        export(calibration, tmp_path / "n.npz", "modelopt", rows=3)


def test_a_models_own_batch_with_two_image_inputs(tmp_path, paths):
    """It is that of the input which the set was built for; a model without it is told."""
    inputs = Input("images", (4, 3, 16, 16)), Input("mask", (4, 1, 2, 2))
    model = write_graph(tmp_path / "m.onnx", *inputs)
    mask = ExtraInput("mask", 1, "float32", (1, 2, 2))
    calibration = build(
        *(paths, tmp_path / "c.npz"), model=model, input_name="images", extra_inputs=[mask], jobs=1
    )
    done = export(calibration, tmp_path / "m.npz", "modelopt")
    assert (done.batch, done.rows) == (4, 4)
    write_graph(model, Input("a", (4, 3, 16, 16)), Input("b", (4, 3, 16, 16)))
    with pytest.raises(ModelError, match="'images', which is no image input"):
        export(calibration, tmp_path / "n.npz", "modelopt")
    model.unlink()
    assert export(calibration, tmp_path / "n.npz", "modelopt").batch == 1


def test_a_model_of_open_sides(tmp_path, paths):
    """The sides stand in the command once, with the batch that was asked for."""
    model = write_graph(tmp_path / "m.onnx", Input("pixels", ("N", 3, "H", "W")))
    calibration = build(paths, tmp_path / "c.npy", model=model, recipe=smallsets.RECIPE, jobs=1)
    assert shapes(export(calibration, tmp_path / "a.npy", "modelopt")) == "pixels:1x3x16x16"
    done = export(calibration, tmp_path / "b.npy", "modelopt", batch=2)
    assert shapes(done) == "pixels:2x3x16x16"


def test_further_inputs(plain, tmp_path):
    """They go into an ``.npz``."""
    export(plain.calibration, tmp_path / "m.npz", "modelopt", extra_inputs=[SIZE])
    with np.load(tmp_path / "m.npz") as read:
        assert sorted(read) == ["images", "orig_size"]


def test_more_than_memory_is_warned_of(plain, tmp_path, monkeypatch):
    """Its command line loads everything."""
    monkeypatch.setattr(modelopt, "available_bytes", lambda: plain.values.nbytes - 1)
    (_, warning) = export(plain.calibration, tmp_path / "m.npy", "modelopt").warnings
    assert "loads all 21.5 kB" in warning
    monkeypatch.setattr(modelopt, "available_bytes", lambda: plain.values.nbytes)
    assert len(export(plain.calibration, tmp_path / "n.npy", "modelopt").warnings) == 1


def test_other_files_are_refused(plain, tmp_path):
    """ModelOpt takes two kinds."""
    with pytest.raises(OutputError) as caught:
        export(plain.calibration, tmp_path / "m.zarr", "modelopt")
    assert ".npy or .npz" in text_of(caught.value)
