"""Scripts for Polygraphy."""

from __future__ import annotations

import ast
import shlex
import shutil
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest

import smallsets
from graphs import Input, write_graph
from messages import text_of
from streamcalib import CalibrationSet, ExtraInput, build, export
from streamcalib.errors import DamagedError, InputError, OutputError
from streamcalib.stores.npy import HEADER_BYTES


def steps(script: Path) -> list[dict[str, np.ndarray]]:
    """Return what the script's function gives, iterated twice."""
    loader = run_path(str(script))["load_data"]()
    first = [{name: np.array(array) for name, array in step.items()} for step in loader]
    for step, again in zip(first, loader, strict=True):
        assert step.keys() == again.keys()
        assert all(np.array_equal(step[name], again[name]) for name in step)
    return first


@pytest.mark.parametrize("batch", [1, 3])
def test_the_script_gives_the_rows(made, tmp_path, batch):
    """As many a step as asked for, again when it is iterated again; it holds no data itself."""
    done = export(made.calibration, tmp_path / "loader.py", "polygraphy", batch=batch)
    found = steps(tmp_path / "loader.py")
    assert {step["images"].shape for step in found} == {(batch, *made.recipe.row_shape)}
    whole = 7 // batch * batch
    np.testing.assert_array_equal(
        np.concatenate([step["images"] for step in found]), made.values[:whole]
    )
    assert done.data_bytes == (tmp_path / "loader.py").stat().st_size < 1000
    assert done.rows == whole


def test_the_models_name_batch_and_further_inputs(tmp_path, paths):
    """As the set knows them."""
    model = write_graph(
        tmp_path / "m.onnx", Input('it\'s "pixels"', (2, 3, 16, 16)), Input("size", (2, 2), 7)
    )
    extra = ExtraInput("size", [640, 480], "int64")
    calibration = build(paths, tmp_path / "c.npz", model=model, extra_inputs=[extra], jobs=1)
    done = export(calibration, tmp_path / "loader.py", "polygraphy")
    (first, *_) = steps(tmp_path / "loader.py")
    assert first['it\'s "pixels"'].shape == (2, 3, 16, 16)
    np.testing.assert_array_equal(first["size"], [[640, 480]] * 2)
    (command,) = done.lines.values()
    words = shlex.split(command)
    assert words[:4] == ["polygraphy", "convert", str(model), "--int8"]
    assert words[words.index("--data-loader-script") + 1] == str(tmp_path / "loader.py")


NASTY = "a'b\"c\n{SET}\\n日本 $(x)"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_any_path_is_a_string_in_the_script(tmp_path, paths, elsewhere):
    """Quotes, line breaks and braces in the set's path are no code."""
    folder = tmp_path / NASTY
    folder.mkdir()
    build(paths, folder / f"{NASTY}.npy", recipe=smallsets.RECIPE, jobs=1)
    script = (tmp_path / "other" if elsewhere else folder) / "loader.py"
    export(folder / f"{NASTY}.npy", script, "polygraphy")
    assert len(steps(script)) == 7
    tree = ast.parse(script.read_text(encoding="ascii"))
    kinds = [type(node).__name__ for node in tree.body]
    assert kinds == ["Expr", "ImportFrom", "ImportFrom", "Assign", "FunctionDef"]


def test_bytes_that_are_no_text(tmp_path, paths):
    """A path that is not UTF-8 is found, too."""
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    build(paths[:2], folder / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    export(folder / "c.npy", tmp_path / "loader.py", "polygraphy")
    assert len(steps(tmp_path / "loader.py")) == 2


def test_set_and_script_may_be_moved_together(tmp_path, paths):
    """Where the set lies beside the script or below it, it is found from there."""
    (tmp_path / "a").mkdir()
    build(paths, tmp_path / "a" / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    export(tmp_path / "a" / "c.npy", tmp_path / "a" / "loader.py", "polygraphy")
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert len(steps(tmp_path / "b" / "loader.py")) == 7


def test_damage_is_found_when_it_is_read(tmp_path, paths):
    """The script holds no data; what it reads is held against the checksums."""
    made = build(paths, tmp_path / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    export(made, tmp_path / "loader.py", "polygraphy")
    data = bytearray(made.path.read_bytes())
    data[HEADER_BYTES + 4 * made._stored().row_bytes + 9] ^= 2
    made.path.write_bytes(data)
    with pytest.raises(DamagedError, match="row 4"):
        steps(tmp_path / "loader.py")


@pytest.mark.parametrize(
    "name", ["random.py", "numpy.py", "streamcalib.py", "my-loader.py", "a.b.py", "1.py"]
)
def test_names_that_cannot_be_imported(plain, tmp_path, name):
    """Polygraphy imports the script by its name, and would get another module, or none."""
    with pytest.raises(OutputError) as caught:
        export(plain.calibration, tmp_path / name, "polygraphy")
    assert "like loader.py" in text_of(caught.value)


def test_other_refusals(plain, tmp_path):
    """A part of a set, and another ending."""
    with pytest.raises(InputError, match="--rows is not for --for polygraphy"):
        export(plain.calibration, tmp_path / "loader.py", "polygraphy", rows=3)
    with pytest.raises(OutputError, match=r"must end in \.py"):
        export(plain.calibration, tmp_path / "loader", "polygraphy")


def test_warnings(sets, tmp_path):
    """TensorRT calibrates with float32; few rows are few."""
    done = export(sets["bytes.npy"].calibration, tmp_path / "loader.py", "polygraphy")
    assert any("float32" in warning and "uint8" in warning for warning in done.warnings)
    assert any("500" in warning for warning in done.warnings)


def test_a_set_behind_a_url(bucket, tmp_path, paths, monkeypatch):
    """The script has its address."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    url = f"s3://{bucket.name}/c.zarr"
    build(paths[:3], url, recipe=smallsets.RECIPE, jobs=1)
    export(url, tmp_path / "loader.py", "polygraphy")
    found = np.concatenate([step["images"] for step in steps(tmp_path / "loader.py")])
    np.testing.assert_array_equal(found, np.concatenate(list(CalibrationSet.open(url).batches(1))))
