"""AI Hub data sets as HDF5 files."""

from __future__ import annotations

import ast
import sys

import h5py
import numpy as np
import pytest

import smallsets
from graphs import Input, write_graph
from messages import text_of
from streamcalib import ExtraInput, build, export
from streamcalib.errors import InputError, MissingExtraError, OutputError

SIZE = ExtraInput("orig_size", [640, 480], "int64")


def entries(path) -> dict[str, list[np.ndarray]]:
    """Return a file's inputs in their order, as the hub's client reads them."""
    with h5py.File(path, "r") as file:
        groups = sorted(file["data"].values(), key=lambda group: group.attrs["order"])
        assert [group.name for group in groups] == [f"/data/{n}" for n in range(len(groups))]
        return {
            group.attrs["name"]: [
                np.array(group[f"batch_{step}"]) for step in range(group.attrs["batch_count"])
            ]
            for group in groups
        }


def test_one_array_a_step(made, tmp_path):
    """Rows with their batch axis, in the recipe's values, under the input's name."""
    export(made.calibration, tmp_path / "d.h5", "qai-hub", jobs=2)
    (found,) = entries(tmp_path / "d.h5").values()
    assert {step.shape for step in found} == {(1, *made.recipe.row_shape)}
    assert found[0].dtype == made.values.dtype
    np.testing.assert_array_equal(np.concatenate(found), made.values)
    with h5py.File(tmp_path / "d.h5", "r") as file:
        assert set(file["data/0"]) == {f"batch_{step}" for step in range(7)}
        assert file["data/0/batch_3"].compression == "gzip"


def test_batches(plain, tmp_path):
    """Some rows a step; those that fill none are left out, and that is told."""
    done = export(plain.calibration, tmp_path / "d.h5", "qai-hub", batch=3, input_name="pixels")
    found = entries(tmp_path / "d.h5")["pixels"]
    assert [step.shape for step in found] == [(3, 3, 16, 16)] * 2
    np.testing.assert_array_equal(np.concatenate(found), plain.values[:6])
    assert done.warnings == ("the last 1 row is left out: it fills no batch of 3.",)


def test_a_models_batch_and_name(tmp_path, paths):
    """A set that was built for a graph of fixed batch size is dealt accordingly."""
    model = write_graph(tmp_path / "m.onnx", Input("pixels", (2, 3, 16, 16)))
    calibration = build(paths, tmp_path / "c.npy", model=model, jobs=1)
    export(calibration, tmp_path / "d.h5", "qai-hub")
    assert [step.shape for step in entries(tmp_path / "d.h5")["pixels"]] == [(2, 3, 16, 16)] * 3
    with pytest.raises(InputError, match=r"--batch says 3, but .* takes 2"):
        export(calibration, tmp_path / "e.h5", "qai-hub", batch=3)


def test_further_inputs(tmp_path, paths):
    """They stand behind the images, as many steps of them, and cost next to nothing."""
    calibration = build(
        paths, tmp_path / "c.npz", recipe=smallsets.RECIPE, extra_inputs=[SIZE], jobs=1
    )
    done = export(calibration, tmp_path / "d.h5", "qai-hub", batch=2)
    found = entries(tmp_path / "d.h5")
    assert list(found) == ["images", "orig_size"]
    assert len(found["orig_size"]) == 3
    for step in found["orig_size"]:
        assert step.dtype == np.int64
        np.testing.assert_array_equal(step, [[640, 480]] * 2)
    assert not any("further inputs" in warning for warning in done.warnings)


def test_another_shape_of_a_further_input_is_another_file(tmp_path, paths):
    """The number that fills it is not all there is to it."""
    sets = []
    for side in (2, 4):
        extra = ExtraInput("mask", 1, "float32", (1, side, side))
        out = tmp_path / f"{side}.npz"
        sets.append(build(paths, out, recipe=smallsets.RECIPE, extra_inputs=[extra], jobs=1))
    assert not export(sets[0], tmp_path / "d.h5", "qai-hub").is_complete
    assert export(sets[0], tmp_path / "d.h5", "qai-hub").is_complete
    with pytest.raises(OutputError, match="--overwrite"):
        export(sets[1], tmp_path / "d.h5", "qai-hub")


def test_the_same_bytes_again(plain, tmp_path):
    """Neither time nor threads show in the file."""
    export(plain.calibration, tmp_path / "d.h5", "qai-hub", jobs=1)
    export(plain.calibration, tmp_path / "e.h5", "qai-hub", jobs=3)
    assert (tmp_path / "d.h5").read_bytes() == (tmp_path / "e.h5").read_bytes()


def test_the_lines_are_python(plain, tmp_path):
    """The upload can be pasted, whatever the file is called."""
    path = tmp_path / 'it\'s "mine".h5'
    upload, job = export(plain.calibration, path, "qai-hub").lines.values()
    call = ast.parse(upload).body[1].value
    assert ast.unparse(call.func) == "qai_hub.upload_dataset"
    assert ast.literal_eval(call.args[0]) == str(path)
    ast.parse(job)


def test_without_h5py(plain, tmp_path, monkeypatch):
    """The extra is named before anything is written."""
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError) as caught:
        export(plain.calibration, tmp_path / "d.h5", "qai-hub")
    assert "streamcalib[qai-hub]" in text_of(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(plain, tmp_path):
    """``upload_dataset`` takes ``.h5``."""
    with pytest.raises(OutputError, match=r"must end in \.h5"):
        export(plain.calibration, tmp_path / "d.hdf5", "qai-hub")
