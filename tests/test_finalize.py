"""A finished set in another container."""

from __future__ import annotations

import shlex
import zipfile
from pathlib import Path

import numpy as np
import pytest

import smallsets
from graphs import Input, write_graph
from messages import text_of
from streamcalib import CalibrationSet, ExtraInput, build, finalize
from streamcalib import finalize as finalize_function
from streamcalib.errors import InputError, OutputError, PlanError, SetError, SourceError
from streamcalib.finalize import check_finalize

SIZE = ExtraInput("orig_size", [640, 480], "int64")


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", 6)


@pytest.fixture
def calibration(tmp_path, paths) -> CalibrationSet:
    return build(paths, tmp_path / "calib.npy", recipe=smallsets.RECIPE, jobs=1)


def test_npy_to_npz(calibration, tmp_path, paths):
    """The archive has one member of the input's name, with the set's rows."""
    final = finalize(calibration, tmp_path / "final.npz")
    with np.load(tmp_path / "final.npz", allow_pickle=False) as read:
        assert list(read) == ["images"]
        np.testing.assert_array_equal(read["images"], smallsets.rows(paths))
    np.testing.assert_array_equal(final.array(), smallsets.rows(paths))
    with zipfile.ZipFile(tmp_path / "final.npz") as archive:
        assert archive.testzip() is None


def test_npz_to_npy(tmp_path, paths):
    """The way back gives the file that a build would have made."""
    calibration = build(paths, tmp_path / "calib.npz", recipe=smallsets.RECIPE, jobs=1)
    finalize(calibration, tmp_path / "final.npy")
    build(paths, tmp_path / "built.npy", recipe=smallsets.RECIPE, jobs=1)
    assert (tmp_path / "final.npy").read_bytes() == (tmp_path / "built.npy").read_bytes()


def test_an_npz_is_the_one_a_build_makes(calibration, tmp_path, paths):
    """Finalized or built as ``.npz``, the bytes are the same."""
    finalize(calibration, tmp_path / "final.npz", extra_inputs=[SIZE])
    build(paths, tmp_path / "built.npz", recipe=smallsets.RECIPE, jobs=1, extra_inputs=[SIZE])
    assert (tmp_path / "final.npz").read_bytes() == (tmp_path / "built.npz").read_bytes()


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_copy_in_the_same_container(tmp_path, paths, suffix):
    """A set may be finalized into what it is already."""
    source = build(paths, tmp_path / f"calib.{suffix}", recipe=smallsets.RECIPE, jobs=1)
    final = finalize(source, tmp_path / f"final.{suffix}")
    assert final.path.read_bytes() == source.path.read_bytes()


def test_inputs_are_named_and_added(calibration, tmp_path):
    """The member's name and further inputs can be given; the manifest knows them."""
    final = finalize(calibration, tmp_path / "final.npz", input_name="pixels", extra_inputs=[SIZE])
    with np.load(tmp_path / "final.npz") as read:
        assert sorted(read) == ["orig_size", "pixels"]
        np.testing.assert_array_equal(read["orig_size"], np.tile([640, 480], (6, 1)))
    assert final.manifest.input_name == "pixels"
    assert final.extra_inputs == {"orig_size": SIZE}


def test_a_sets_own_inputs_go_with_it(tmp_path, paths):
    """Without being told otherwise, finalizing keeps names and further inputs."""
    source = build(
        paths,
        tmp_path / "calib.npz",
        recipe=smallsets.RECIPE,
        jobs=1,
        input_name="pixels",
        extra_inputs=[SIZE],
    )
    final = finalize(source, tmp_path / "final.npz")
    assert final.manifest.input_name == "pixels"
    assert final.extra_inputs == {"orig_size": SIZE}


def test_the_manifest_goes_with_it(calibration, tmp_path):
    """All that is known of the rows stays known; the command names the new file."""
    final = finalize(calibration, tmp_path / "final.npz")
    assert list(final.row_records()) == list(calibration.row_records())
    assert final.manifest.images == calibration.manifest.images
    ours, line = final.manifest.commands.values()
    assert f"--calibration_data_path={tmp_path}/final.npz" in shlex.split(line)
    assert "calib.npy" not in line + ours
    assert final.card() == (tmp_path / "final.npz.md").read_text()


def test_commands_are_quoted_for_the_new_name(calibration, tmp_path):
    """A name with a space stays one word of the command."""
    final = finalize(calibration, tmp_path / "my final.npz")
    ours, line = final.manifest.commands.values()
    assert f"--calibration_data_path={tmp_path}/my final.npz" in shlex.split(line)
    assert shlex.split(ours)[:2] == ["streamcalib", "quantize"]
    assert f"{tmp_path}/my final.npz" in shlex.split(ours)


def test_a_set_is_given_by_its_path_too(calibration, tmp_path):
    """A path is opened."""
    assert len(finalize(str(calibration.path), tmp_path / "final.npz")) == 6


def test_progress_is_told(calibration, tmp_path):
    """Rows are counted as they are written."""
    heard = []
    finalize(calibration, tmp_path / "final.npz", progress=heard.append)
    assert heard[0].done == 0
    assert heard[-1].done == heard[-1].total == 6
    assert heard[-1].stage == "write npz"


def test_nothing_but_the_set_is_left(calibration, tmp_path):
    """The staging folder is gone."""
    before = {path.name for path in tmp_path.iterdir()}
    finalize(calibration, tmp_path / "final.npz")
    left = {path.name for path in tmp_path.iterdir()} - before
    assert left == {"final.npz", "final.npz.json", "final.npz.md"}


def refused(calibration, out, error=OutputError, **options) -> str:
    folder = calibration.path.parent
    before = smallsets.contents(folder)
    with pytest.raises(error) as caught:
        finalize(calibration, out, **options)
    assert caught.value.exit_code == 2
    assert smallsets.contents(folder) == before
    return text_of(caught.value)


def test_wrong_outputs_are_refused(calibration, tmp_path):
    """Endings, folders and the set itself are told apart; nothing is written."""
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "file").write_text("")
    for out, says in [
        ("final.pt", "must end in .npy, .npz or .zarr"),
        ("file/final.npz", "is a file"),
        ("folder.npz", "is a folder"),
        ("calib.npy", "is the set itself"),
    ]:
        for overwrite in (False, True):
            assert says in refused(calibration, tmp_path / out, overwrite=overwrite)


def test_an_existing_file_is_not_replaced_unasked(calibration, tmp_path):
    """With ``overwrite`` it is."""
    (tmp_path / "final.npz").write_text("years of work")
    assert "--overwrite" in refused(calibration, tmp_path / "final.npz")
    assert len(finalize(calibration, tmp_path / "final.npz", overwrite=True)) == 6


def test_wrong_inputs_are_refused(calibration, tmp_path):
    """An ``.npy`` has no further inputs, and no name is given twice."""
    npy, npz = tmp_path / "final.npy", tmp_path / "final.npz"
    images = ExtraInput("images", 1, "int64")
    assert "need an .npz" in refused(calibration, npy, InputError, extra_inputs=[SIZE])
    assert "own input" in refused(calibration, npz, InputError, extra_inputs=[images])
    assert "twice" in refused(calibration, npz, InputError, extra_inputs=[SIZE, SIZE])


def test_what_is_no_set_is_refused(tmp_path):
    """The source is opened as a set, with a set's errors."""
    with pytest.raises(SourceError):
        finalize_function(tmp_path / "nothing.npy", tmp_path / "final.npz")
    np.save(tmp_path / "foreign.npy", np.zeros(3))
    with pytest.raises(SetError):
        finalize_function(tmp_path / "foreign.npy", tmp_path / "final.npz")


def test_a_full_disk_is_refused_before_anything_is_written(calibration, tmp_path, monkeypatch):
    """The plan knows what is free."""
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    assert "not enough disk space" in refused(calibration, tmp_path / "final.npz", PlanError)


def test_an_order_tells_what_will_be_written(calibration, tmp_path):
    """A check gives sizes, and writes nothing."""
    before = smallsets.contents(tmp_path)
    order = check_finalize(calibration, tmp_path / "final.npz")
    assert order.plan.file_bytes >= 6 * 3 * 16 * 16 * 4
    assert order.plan.free_bytes > 0
    assert (order.input_name, order.out) == ("images", tmp_path / "final.npz")
    assert smallsets.contents(tmp_path) == before


def test_the_same_again_writes_nothing(calibration, tmp_path):
    """A file that holds this set already is complete; one of other rows is refused."""
    finalize(calibration, tmp_path / "new/final.npz")
    before = smallsets.contents(tmp_path)
    assert check_finalize(calibration, tmp_path / "new/final.npz").complete is not None
    finalize(calibration, tmp_path / "new/final.npz")
    assert smallsets.contents(tmp_path) == before
    assert "is not this set" in refused(calibration, tmp_path / "new/final.npz", input_name="x")


def test_commands_name_the_new_file_by_its_plain_path(calibration, tmp_path, monkeypatch):
    """A path with .. in it, and a set that was moved, lead to commands that work."""
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    for suffix in ("", ".json", ".md"):
        (tmp_path / f"calib.npy{suffix}").rename(tmp_path / f"moved.npy{suffix}")
    final = finalize("../moved.npy", "../final.npz")
    assert final.path == tmp_path / "final.npz"
    _, command = final.commands.values()
    assert f"--calibration_data_path={tmp_path}/final.npz" in command
    assert final.manifest.commands == final.commands
    _, command = CalibrationSet.open("../moved.npy").commands.values()
    assert f"--calibration_data_path={tmp_path}/moved.npy" in command


def test_a_models_input_keeps_its_name(tmp_path, paths):
    """A name that contradicts the model, or none at all, is refused."""
    model = write_graph(tmp_path / "m.onnx", Input("pixels", (1, 3, 16, 16)))
    calibration = build(paths, tmp_path / "calib.npy", model=model, jobs=1)
    out = tmp_path / "final.npz"
    assert "'pixels'" in refused(calibration, out, InputError, input_name="other")
    assert "no name" in refused(calibration, out, InputError, input_name=" ")
    assert finalize(calibration, out, input_name="pixels").manifest.input_name == "pixels"


@pytest.mark.parametrize("window", [0, -5])
def test_a_window_that_holds_nothing_is_refused(calibration, tmp_path, window):
    """Before anything is written, and by the option's name."""
    said = refused(calibration, tmp_path / "f.npy", InputError, cache_window=window)
    assert "--cache-window" in said
