"""Exports in general: refusals, completeness, replacement, damage, and ends before their time."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

import faults
import smallsets
from messages import text_of
from streamcalib import CalibrationSet, ExtraInput, build, export, finalize
from streamcalib.errors import (
    DamagedError,
    InputError,
    OutputError,
    PlanError,
    SourceError,
    StoppedError,
)
from streamcalib.export import check_export
from streamcalib.exporting.targets import TARGETS
from streamcalib.stores.npy import HEADER_BYTES

OUTPUTS = {
    "modelopt": "out.npz",
    "hailo": "out.npy",
    "rknn": "out",
    "onnx2tf": "out.npy",
    "qai-hub": "out.h5",
    "polygraphy": "out.py",
    "folder": "out",
    "raw": "out",
    "mlperf": "out",
}
DATA = [target for target in OUTPUTS if target != "polygraphy"]


@pytest.fixture
def calibration(tmp_path) -> CalibrationSet:
    paths = smallsets.make_images(tmp_path / "images", 6)
    return build(paths, tmp_path / "calib.npy", recipe=smallsets.RECIPE, jobs=1)


@pytest.fixture
def out(tmp_path):
    """Return where a target's output goes."""
    (tmp_path / "made").mkdir()
    return lambda target: tmp_path / "made" / OUTPUTS[target]


def refused(calibration, *arguments, error=OutputError, **options) -> str:
    folder = calibration.path.parent
    before = smallsets.contents(folder)
    with pytest.raises(error) as caught:
        export(calibration, *arguments, **options)
    assert caught.value.exit_code == 2
    assert smallsets.contents(folder) == before
    return text_of(caught.value)


def test_every_target_is_looked_at_here():
    """A new one is held to what follows."""
    assert set(OUTPUTS) == set(TARGETS)


@pytest.mark.parametrize("target", OUTPUTS)
def test_the_same_again_writes_nothing(calibration, out, target):
    """An output that is what was asked for is complete; its lines are given again."""
    first = export(calibration, out(target), target)
    assert not first.is_complete
    before = smallsets.contents(out(target).parent)
    again = export(str(calibration.path), str(out(target)), target)
    assert again.is_complete
    assert again.lines == first.lines
    assert smallsets.contents(out(target).parent) == before


@pytest.mark.parametrize("target", OUTPUTS)
def test_nothing_but_the_output_is_left(calibration, out, target):
    """Beside it stand its record and its index, or a set's own files; no staging folder."""
    name = OUTPUTS[target]
    export(calibration, out(target), target)
    beside = {"modelopt": {".json", ".md"}, "polygraphy": set()}
    suffixes = beside.get(target, {".json", ".rows.jsonl"})
    names = {path.name for path in out(target).parent.iterdir()}
    assert names == {name, *(name + suffix for suffix in suffixes)}


@pytest.mark.parametrize("target", OUTPUTS)
def test_a_check_writes_nothing(calibration, out, target, tmp_path):
    """It gives sizes that hold."""
    before = smallsets.contents(tmp_path)
    order = check_export(calibration, out(target), target)
    assert smallsets.contents(tmp_path) == before
    assert order.free_bytes > 0
    assert order.shown.isprintable()
    export(calibration, out(target), target)
    paths = [out(target)] if out(target).is_file() else list(out(target).iterdir())
    size = sum(path.stat().st_size for path in paths)
    assert abs(order.data_bytes - size) < 20_000


@pytest.mark.parametrize("target", OUTPUTS)
def test_another_output_is_not_replaced_unasked(calibration, out, target):
    """Neither a file of somebody else's, nor an export of other rows."""
    path = out(target)
    if path.suffix:
        path.write_text("years of work")
        assert "--overwrite" in refused(calibration, path, target)
        export(calibration, path, target, overwrite=True)
        assert b"years of work" not in path.read_bytes()
    else:
        path.mkdir()
        (path / "years of work").touch()
        assert "--overwrite" in refused(calibration, path, target)
        assert "did not make" in refused(calibration, path, target, overwrite=True)


@pytest.mark.parametrize("target", [target for target in DATA if target != "modelopt"])
def test_an_export_of_other_rows_is_replaced_if_asked(calibration, out, target):
    """``overwrite`` removes every file of the old one."""
    export(calibration, out(target), target)
    assert "is not this export" in refused(calibration, out(target), target, rows=2)
    done = export(calibration, out(target), target, rows=2, overwrite=True)
    assert done.rows == 2
    index = out(target).with_name(OUTPUTS[target] + ".rows.jsonl").read_text()
    assert len(index.splitlines()) == 2
    if out(target).is_dir():
        files = [path for path in out(target).iterdir() if path.name[:6].isdigit()]
        assert len(files) in (0, 2)
    assert export(calibration, out(target), target, rows=2).is_complete


@pytest.mark.parametrize("kind", ["longer", "shorter", "gone"])
@pytest.mark.parametrize("target", ["hailo", "rknn"])
def test_what_was_changed_since_is_not_complete(calibration, out, target, kind):
    """Its size is held against the record."""
    export(calibration, out(target), target)
    path = out(target)
    file = path if path.is_file() else sorted(path.iterdir())[2]
    if kind == "gone":
        file.unlink()
    else:
        data = file.read_bytes()
        file.write_bytes(data + b"x" if kind == "longer" else data[:-1])
    order = check_export(calibration, path, target, overwrite=True)
    assert not order.is_complete
    export(calibration, path, target, overwrite=True)
    assert check_export(calibration, path, target).is_complete


def test_a_set_is_replaced_with_all_its_files(calibration, tmp_path):
    """An export may take the place of a set, and a set that of an export."""
    finalize(calibration, tmp_path / "other.npy")
    export(calibration, tmp_path / "other.npy", "hailo", overwrite=True)
    assert not (tmp_path / "other.npy.md").exists()
    with pytest.raises(InputError, match="not the manifest"):
        CalibrationSet.open(tmp_path / "other.npy")
    finalize(calibration, tmp_path / "other.npy", overwrite=True)
    assert not (tmp_path / "other.npy.rows.jsonl").exists()
    assert len(CalibrationSet.open(tmp_path / "other.npy")) == 6


def test_the_record_says_what_it_is(calibration, out):
    """Of which set, in which values, and what to tell the other tool."""
    done = export(calibration, out("hailo"), "hailo")
    record = json.loads(out("hailo").with_name("out.npy.json").read_text())
    assert record["set"] == str(calibration.path)
    assert record["lines"] == dict(done.lines)
    assert record["wanted"]["recipe"]["dtype"] == "uint8"
    assert record["wanted"]["target"] == "hailo"


def test_wrong_outputs_and_names_are_refused(calibration, tmp_path):
    """The set itself, a place behind a URL, an unknown consumer, somebody else's side file."""
    said = refused(calibration, calibration.path, "hailo", overwrite=True)
    assert "is the set itself" in said
    assert "behind a URL" in refused(calibration, "s3://bucket/x.npy", "hailo")
    said = refused(calibration, tmp_path / "x", "tpu", error=InputError)
    assert "hailo, rknn" in said
    (tmp_path / "x.npy.json").write_text("notes")
    assert "x.npy.json is not streamcalib's" in refused(calibration, tmp_path / "x.npy", "hailo")
    (tmp_path / "y.npy").mkdir()
    assert "is a folder" in refused(calibration, tmp_path / "y.npy", "hailo", overwrite=True)
    (tmp_path / "z").write_text("a file")
    assert "is no folder" in refused(calibration, tmp_path / "z", "rknn", overwrite=True)
    with pytest.raises(SourceError):
        export(tmp_path / "nothing.npy", tmp_path / "x", "rknn")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rows": 0}, "--rows must be at least 1"),
        ({"shards": 0}, "--shards must be at least 1"),
        ({"jobs": -1}, "--jobs must be at least 1"),
        ({"layout": "HWC"}, "--layout must be NCHW or NHWC"),
        ({"dtype": "int8"}, "--dtype must be"),
        ({"value_range": "-1-1"}, "--range must be recipe or 0-1 or 0-255"),
        ({"batch": 2}, "--batch is not for --for folder"),
        ({"official_list": "x"}, "--official-list is not for --for folder"),
        ({"input_name": "x"}, "--input-name is not for --for folder"),
        ({"extra_inputs": [ExtraInput("x", 1, "int64")]}, "--extra-input is not for"),
        ({"dtype": "uint8", "value_range": "0-1"}, "--range 0-255"),
    ],
)
def test_wrong_options_are_refused(calibration, tmp_path, options, says):
    """Each by its name on the command line, before anything is written."""
    assert says in refused(calibration, tmp_path / "f", "folder", error=InputError, **options)


def test_a_full_disk_is_refused_before_anything_is_written(calibration, tmp_path, monkeypatch):
    """The plan knows what is free."""
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    said = refused(calibration, tmp_path / "f", "folder", error=PlanError)
    assert "not enough disk space" in said


def test_further_inputs_are_told(tmp_path):
    """A consumer's file that cannot hold them leaves them out, and says so."""
    paths = smallsets.make_images(tmp_path / "images", 2)
    extra = ExtraInput("orig_size", [640, 480], "int64")
    calibration = build(
        paths, tmp_path / "c.npz", recipe=smallsets.RECIPE, jobs=1, extra_inputs=[extra]
    )
    warnings = export(calibration, tmp_path / "f", "folder").warnings
    assert any("'orig_size'" in warning for warning in warnings)


def flip(calibration: CalibrationSet, row: int) -> None:
    data = bytearray(calibration.path.read_bytes())
    data[HEADER_BYTES + row * calibration._stored().row_bytes + 9] ^= 2
    calibration.path.write_bytes(data)


@pytest.mark.parametrize("target", DATA)
def test_damage_is_found_and_nothing_published(calibration, out, target):
    """The row is named; neither output, record nor staging folder is there."""
    flip(calibration, 4)
    with pytest.raises(DamagedError, match="row 4 of"):
        export(calibration.path, out(target), target, jobs=1)
    assert list(out(target).parent.iterdir()) == []


@pytest.mark.parametrize("target", DATA)
def test_damage_leaves_an_older_export_alone(calibration, out, target):
    """What is to be replaced stays until the new one is whole."""
    export(calibration, out(target), target, rows=2)
    before = smallsets.contents(out(target).parent)
    flip(calibration, 4)
    with pytest.raises(DamagedError):
        export(calibration.path, out(target), target, overwrite=True)
    assert smallsets.contents(out(target).parent) == before


class Stop(Exception):  # noqa: N818
    """What ends an export."""


@pytest.mark.parametrize("target", DATA)
def test_an_interrupted_export_leaves_nothing(calibration, out, target):
    """An exception in the middle, like Ctrl-C, takes everything away again."""

    def stop(progress) -> None:
        if progress.done:
            raise Stop

    with pytest.raises(Stop):
        export(calibration, out(target), target, progress=stop)
    assert list(out(target).parent.iterdir()) == []


@pytest.mark.parametrize("target", ["hailo", "rknn", "qai-hub"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_export_leaves_nothing_under_the_final_name(calibration, out, target, when):
    """Killed at its last step, it is there whole or not at all; the same command ends it."""
    arguments = ("finalize", calibration.path, "--for", target, "--out", out(target))
    fault = {"at": "streamcalib.exporting.data:publish_export", "call": 1, "when": when}
    process = subprocess.Popen(
        smallsets.command(*arguments),
        env=faults.environment(fault),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    path: Path = out(target)
    assert path.exists() == (when == "after")
    done = export(calibration, path, target)
    assert done.is_complete == (when == "after")
    left = {path.name for path in path.parent.iterdir()}
    assert left == {path.name, f"{path.name}.json", f"{path.name}.rows.jsonl"}


def test_a_disk_that_fails(calibration, out, monkeypatch):
    """The exit code is that of the world's faults, and nothing is left."""

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("streamcalib.exporting.rowfiles.sync_files", fail)
    with pytest.raises(StoppedError, match="No space left") as caught:
        export(calibration, out("rknn"), "rknn")
    assert caught.value.exit_code == 5
    assert list(out("rknn").parent.iterdir()) == []


def test_all_rows_of_many_parts(tmp_path):
    """Larger rows are read a part at a time, by threads, and come in their order."""
    paths = smallsets.make_images(tmp_path / "images", 12)
    side = smallsets.RECIPE.yolo11(640)
    calibration = build(paths, tmp_path / "c.zarr", recipe=side, jobs=1)
    export(calibration, tmp_path / "h.npy", "hailo", jobs=3)
    found = np.load(tmp_path / "h.npy", mmap_mode="r")
    canvases = calibration.checked_canvases()
    for number in range(12):
        expected = canvases.read(number, number + 1)[0].transpose(1, 2, 0)
        np.testing.assert_array_equal(found[number], expected)
