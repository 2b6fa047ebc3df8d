"""Image list to calibration set, through the Python API."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import google_crc32c
import numpy as np
import psutil
import pytest

import smallsets
from graphs import INT64, Input, write_graph
from messages import text_of
from streamcalib import CalibrationSet, ExtraInput, ImageList, Recipe, build, finalize
from streamcalib.errors import (
    InputError,
    ListError,
    ModelError,
    OutputError,
    PlanError,
    StoppedError,
)

COUNT = 25


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", COUNT)


@pytest.fixture
def listed(tmp_path, paths) -> Path:
    return smallsets.write_list(tmp_path / "list.txt", paths)


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "calib.npy"


def small(images, out, **options) -> CalibrationSet:
    options.setdefault("jobs", 1)
    options.setdefault("recipe", smallsets.RECIPE)
    return build(images, out, **options)


def facts(calibration: CalibrationSet) -> dict:
    """Return what a manifest says apart from when and on what machine it was made."""
    manifest = json.loads(calibration.manifest.to_json())
    return {key: value for key, value in manifest.items() if key not in ("created", "commands")}


def staging_left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if "build" in path.name or "part" in path.name]


def test_rows_are_the_images_in_the_order_of_the_list(paths, listed, out):
    """Every row has the values that OpenCV and numpy alone give, to the last bit."""
    calibration = small(listed, out)
    expected = smallsets.rows(paths)
    read = np.load(out, allow_pickle=False)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, expected)
    np.testing.assert_array_equal(calibration.array(), expected)


def test_photographs_become_the_same_rows(photo_folder, out):
    """Real photographs do, at a size of their own."""
    paths = sorted(photo_folder.iterdir())[:3]
    calibration = small(paths, out, recipe=Recipe.yolo11(64))
    np.testing.assert_array_equal(calibration.array(), smallsets.rows(paths, 64))


def test_order_and_repetition_are_the_lists_own(paths, out):
    """An image may stand in a list twice, and in any order."""
    order = [paths[n] for n in (7, 3, 3, 24, 0)]
    np.testing.assert_array_equal(small(order, out).array(), smallsets.rows(order))


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_any_workers_build_the_same_set(listed, out, tmp_path, backend, jobs):
    """File and manifest are the serial build's, bit for bit."""
    serial = small(listed, tmp_path / "serial" / "calib.npy")
    parallel = small(listed, out, jobs=jobs, backend=backend)
    assert parallel.path.read_bytes() == serial.path.read_bytes()
    assert facts(parallel) == facts(serial)


def test_more_workers_than_rows_do_no_harm(paths, out):
    """Two rows with five workers are two rows."""
    np.testing.assert_array_equal(small(paths[:2], out, jobs=5).array(), smallsets.rows(paths[:2]))


@pytest.mark.parametrize("dtype", ["float16", "uint8"])
def test_other_dtypes_hold_the_same_picture(paths, out, dtype):
    """Values are cast at the end: float16 of the float32 row; uint8 the canvas itself."""
    array = small(paths, out, recipe=Recipe.yolo11(16, dtype=dtype)).array()
    expected = smallsets.rows(paths)
    if dtype == "uint8":
        expected = np.rint(expected * 255)
    np.testing.assert_array_equal(array, expected.astype(dtype))
    assert np.load(out).dtype == dtype


def test_pixels_may_come_last(paths, out):
    """In NHWC a row is the same picture with the channels behind."""
    array = small(paths, out, recipe=replace(smallsets.RECIPE, layout="NHWC")).array()
    np.testing.assert_array_equal(array.transpose(0, 3, 1, 2), smallsets.rows(paths))


def test_checksums_are_of_what_is_stored(listed, out):
    """``row_crc32c`` is of the row's bytes in the file, ``canvas_crc32c`` of the uint8 canvas."""
    calibration = small(listed, out)
    stored = np.load(out)
    for values, record in zip(stored, calibration.row_records(), strict=True):
        assert record["row_crc32c"] == f"{google_crc32c.value(values.tobytes()):08x}"
        canvas = np.rint(values * 255).astype(np.uint8)
        assert record["canvas_crc32c"] == f"{google_crc32c.value(canvas.tobytes()):08x}"


def test_an_npz_holds_every_input(listed, paths, out):
    """The images are the member that the input names; further inputs have a row for every image."""
    extras = [ExtraInput.parse("orig_size=640,480:int64"), ExtraInput.parse("scale=0.5:float32")]
    calibration = small(listed, out.with_suffix(".npz"), input_name="pixels", extra_inputs=extras)
    with np.load(calibration.path, allow_pickle=False) as read:
        assert sorted(read) == ["orig_size", "pixels", "scale"]
        np.testing.assert_array_equal(read["pixels"], smallsets.rows(paths))
        np.testing.assert_array_equal(read["orig_size"], np.tile([640, 480], (COUNT, 1)))
        np.testing.assert_array_equal(read["scale"], np.full(COUNT, 0.5, np.float32))
        assert read["scale"].dtype == np.float32
    assert isinstance(calibration.array(), np.memmap)
    np.testing.assert_array_equal(calibration.array(), smallsets.rows(paths))


@pytest.mark.parametrize(
    "form",
    [
        lambda listed, paths: listed,
        lambda listed, paths: str(listed),
        lambda listed, paths: ImageList.read(listed),
        lambda listed, paths: paths,
        lambda listed, paths: (str(path) for path in paths),
    ],
    ids=["path of a list", "text", "ImageList", "paths", "generator"],
)
def test_images_may_be_given_in_any_form(listed, paths, out, form):
    """A list, its path, or the paths of images are the same images."""
    np.testing.assert_array_equal(small(form(listed, paths), out).array(), smallsets.rows(paths))


def test_nothing_but_the_set_is_left(listed, out):
    """A set is three files; staging files are gone."""
    small(listed, out)
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "calib.npy",
        "calib.npy.json",
        "calib.npy.md",
    ]


def test_opencv_keeps_the_callers_threads(listed, out):
    """A build holds OpenCV at one thread and puts its number back."""
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        small(listed, out)
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_progress_is_told_from_start_to_end(listed, out):
    """The first event is at zero, the last at all rows, and none goes back."""
    heard = []
    small(listed, out, progress=heard.append)
    done = [event.done for event in heard]
    assert done[0] == 0
    assert done[-1] == COUNT
    assert done == sorted(done)
    assert len(done) > 2
    assert heard[-1].bytes_done == COUNT * 3 * 16 * 16 * 4


# The same again.


def test_the_same_build_again_builds_nothing(listed, out):
    """No byte is written, no progress told, and the set is opened."""
    first = small(listed, out)
    before = smallsets.contents(out.parent)
    heard = []
    again = small(listed, out, progress=heard.append)
    assert smallsets.contents(out.parent) == before
    assert heard == []
    assert again.manifest == first.manifest


@pytest.mark.parametrize(
    "options", [{"jobs": 3}, {"backend": "threading"}, {"on_bad": "skip"}, {"overwrite": True}]
)
def test_what_decides_no_byte_may_change(listed, out, options):
    """Workers, the treatment of bad images, and permission to overwrite are not the set."""
    small(listed, out)
    before = smallsets.contents(out.parent)
    small(listed, out, **options)
    assert smallsets.contents(out.parent) == before


def test_a_list_is_its_entries(listed, paths, out, tmp_path):
    """Comments, line endings and the list's name do not matter; nor does the recipe's name."""
    small(listed, out)
    before = smallsets.contents(out.parent)
    other = tmp_path / "other.txt"
    other.write_bytes(b"# the same\r\n" + "\r\n".join(map(str, paths)).encode())
    small(other, out, recipe=replace(smallsets.RECIPE, name="mine"))
    assert smallsets.contents(out.parent) == before


def refused(listed, out, **options) -> str:
    before = smallsets.contents(out.parent)
    with pytest.raises(OutputError) as caught:
        small(listed, out, **options)
    assert caught.value.exit_code == 2
    assert smallsets.contents(out.parent) == before
    assert "--overwrite" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "difference"),
    [
        (Recipe.yolo11(32), "recipe, height: 16, not 32"),
        (Recipe.yolo11((16, 32)), "recipe, width: 16, not 32"),
        (Recipe.yolo11(16, dtype="float16"), "recipe, dtype: 'float32', not 'float16'"),
        (replace(smallsets.RECIPE, pad_value=0), "recipe, pad_value: 114, not 0"),
        (replace(smallsets.RECIPE, channel_order="BGR"), "channel_order: 'RGB', not 'BGR'"),
    ],
)
def test_another_recipe_is_refused_with_what_differs(listed, out, recipe, difference):
    """Nothing is mixed or replaced unasked; with ``overwrite`` the new set takes the name."""
    small(listed, out)
    assert difference in refused(listed, out, recipe=recipe)
    small(listed, out, recipe=recipe, overwrite=True)
    assert CalibrationSet.open(out).recipe == recipe


def test_another_list_is_refused(listed, paths, out, tmp_path):
    """Both lists are named with their numbers of images."""
    small(listed, out)
    shorter = smallsets.write_list(tmp_path / "shorter.txt", paths[:10])
    message = refused(shorter, out)
    assert f"list: {listed} of 25 images, not {shorter} of 10" in message
    built = small(shorter, out, overwrite=True)
    np.testing.assert_array_equal(built.array(), smallsets.rows(paths[:10]))


def test_another_order_is_another_list(listed, paths, out):
    """Row order is the list's order, so it matters."""
    small(listed, out)
    assert "list: " in refused(paths[::-1], out)


def test_other_inputs_are_refused(listed, out):
    """An ``.npz`` is what its members are; an ``.npy`` has no names."""
    out.parent.mkdir()
    small(listed, out)
    small(listed, out, input_name="pixels")
    npz = out.with_suffix(".npz")
    small(listed, npz)
    assert "input name: 'images', not 'pixels'" in refused(listed, npz, input_name="pixels")
    extra = [ExtraInput.parse("size=1,2:int64")]
    assert "further inputs: [], not ['size']" in refused(listed, npz, extra_inputs=extra)


def test_tolerance_of_damage_is_part_of_the_set(listed, out):
    """A set made strictly is not one made tolerantly, though the recipe is the same."""
    small(listed, out)
    assert "tolerate damage: False, not True" in refused(listed, out, tolerate_damage=True)


def test_an_image_of_another_size_is_noticed(listed, paths, out):
    """An image that was replaced behind the list's back is named with both sizes."""
    small(listed, out)
    old = paths[4].stat().st_size
    paths[4].write_bytes(smallsets.jpeg(77))
    new = paths[4].stat().st_size
    assert old != new
    assert f"{paths[4]} had {old} bytes and has {new} now" in refused(listed, out)
    built = small(listed, out, overwrite=True)
    np.testing.assert_array_equal(built.array(), smallsets.rows(paths))


def as_bmp(number: int) -> bytes:
    return cv2.imencode(".bmp", np.full((8, 8, 3), number, np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("changed", "noticed"),
    [(as_bmp(200), True), (b"B" * len(as_bmp(1)), True), (as_bmp(2), False)],
    ids=["another picture", "no picture", "written again"],
)
def test_another_picture_of_the_same_size_is_noticed(tmp_path, out, changed, noticed):
    """Files written since the set was made are looked into: what counts is the picture."""
    paths = [tmp_path / f"{number}.bmp" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(as_bmp(number))
    made = small(paths, out).path.stat().st_mtime
    paths[2].write_bytes(changed)
    os.utime(paths[2], (made + 10, made + 10))
    if noticed:
        assert f"{paths[2]} is another picture now" in refused(paths, out)
    else:
        small(paths, out)


def test_images_that_are_gone_do_not_matter(listed, paths, out):
    """A complete set needs its images no more."""
    small(listed, out)
    for path in paths:
        path.unlink()
    assert len(small(listed, out)) == COUNT


def test_a_foreign_file_is_not_replaced_unasked(listed, paths, out):
    """A file that streamcalib did not make is refused, and replaced on request."""
    out.parent.mkdir()
    out.write_text("years of work")
    assert "not a set that streamcalib finished" in refused(listed, out)
    np.testing.assert_array_equal(small(listed, out, overwrite=True).array(), smallsets.rows(paths))


def test_a_set_that_lost_its_manifest_is_not_replaced_unasked(listed, out):
    """Without a manifest nobody knows what the array is."""
    small(listed, out)
    out.with_name("calib.npy.json").unlink()
    assert "has no manifest" in refused(listed, out)
    small(listed, out, overwrite=True)


def test_a_folder_is_never_replaced(listed, out):
    """Not even on request."""
    out.mkdir(parents=True)
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="is a folder"):
            small(listed, out, overwrite=overwrite)
    assert list(out.iterdir()) == []


# Large sets.


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> CalibrationSet:
    """A set of 1001 rows, of three images in turn."""
    folder = tmp_path_factory.mktemp("large")
    three = smallsets.make_images(folder / "images", 3)
    listed = smallsets.write_list(folder / "list.txt", [three[n % 3] for n in range(1001)])
    return build(listed, folder / "calib.npy", recipe=smallsets.RECIPE, jobs=2)


def test_a_large_sets_rows_have_a_file_of_their_own(large):
    """Above a thousand rows the manifest names a side file by its checksum."""
    side = large.path.with_name("calib.npy.rows.jsonl")
    assert large.manifest.rows == {
        "file": side.name,
        "sha256": hashlib.sha256(side.read_bytes()).hexdigest(),
    }
    records = list(large.row_records())
    assert [record["list_row"] for record in records] == list(range(1001))
    for values, record in zip(large.array(), records, strict=True):
        assert record["row_crc32c"] == f"{google_crc32c.value(values.tobytes()):08x}"


def test_a_thousand_rows_stand_in_the_manifest(tmp_path):
    """Up to a thousand, one file holds everything."""
    (path,) = smallsets.make_images(tmp_path / "images", 1)
    calibration = small([path] * 1000, tmp_path / "calib.npy")
    assert len(calibration.manifest.rows) == 1000
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_smaller_set_takes_the_side_file_away(large, tmp_path):
    """Overwriting a large set with a small one leaves no rows of the old one behind."""
    images = ImageList.read(large.path.with_name("list.txt"))
    out = tmp_path / "calib.npy"
    small(images, out)
    assert out.with_name("calib.npy.rows.jsonl").exists()
    small(images[:5], out, overwrite=True)
    assert not out.with_name("calib.npy.rows.jsonl").exists()


def test_finalizing_copies_the_side_file(large, tmp_path):
    """A finalized large set has its rows under its own name."""
    final = finalize(large, tmp_path / "final.npz")
    assert final.manifest.rows["file"] == "final.npz.rows.jsonl"
    assert list(final.row_records()) == list(large.row_records())
    side = tmp_path / "final.npz.rows.jsonl"
    assert hashlib.sha256(side.read_bytes()).hexdigest() == final.manifest.rows["sha256"]


def test_a_lost_or_damaged_side_file_is_told(large, tmp_path):
    """A set whose rows are lost is not taken for complete, and can be overwritten."""
    images = ImageList.read(large.path.with_name("list.txt"))
    out = tmp_path / "calib.npy"
    side = tmp_path / "calib.npy.rows.jsonl"
    for spoil in (side.unlink, lambda: side.write_text('{"path": "a')):
        small(images, out, overwrite=True)
        spoil()
        assert side.name in refused(images, out)


# Refusals before a byte is written.


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"jobs": 0}, PlanError),
        ({"backend": "slurm"}, InputError),
        ({"on_bad": "ignore"}, InputError),
        ({"max_pixels": 0}, InputError),
        ({"decoder": "imagemagick"}, InputError),
        ({"input_name": " "}, InputError),
        ({"input_name": "a\0b"}, InputError),
        ({"extra_inputs": [ExtraInput("size", 1, "int64")]}, InputError),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    listed, out, tmp_path, options, error
):
    """What cannot be is told at once."""
    before = smallsets.contents(tmp_path)
    with pytest.raises(error) as caught:
        small(listed, out, **options)
    assert caught.value.exit_code == 2
    text_of(caught.value)
    assert smallsets.contents(tmp_path) == before


def test_inputs_named_twice_are_refused(listed, out):
    """A further input may not have the images' name, nor another's."""
    npz = out.with_suffix(".npz")
    for names in (["images"], ["size", "size"]):
        extras = [ExtraInput(name, 1, "int64") for name in names]
        with pytest.raises(InputError, match="twice"):
            small(listed, npz, extra_inputs=extras)


@pytest.mark.parametrize("name", ["calib", "calib.pt", "calib.npy.gz", "calib.NPY"])
def test_unknown_endings_are_refused(listed, tmp_path, name):
    """An output is an ``.npy`` or ``.npz``."""
    with pytest.raises(OutputError) as caught:
        small(listed, tmp_path / name)
    assert "use .npy, .npz or .zarr" in text_of(caught.value)


def test_no_images_are_refused(out):
    """An empty sequence is no list."""
    with pytest.raises(ListError):
        small([], out)


def test_a_list_for_another_folder_is_refused_at_once(out, tmp_path):
    """If none of the first thousand images is there, the folder is wrong, not the images."""
    names = [f"train2017/{n:012d}.jpg" for n in range(1500)]
    listed = smallsets.write_list(tmp_path / "list.txt", names)
    with pytest.raises(ListError) as caught:
        small(listed, out)
    message = text_of(caught.value, lines=4)
    assert "none of the first 1000 images" in message
    assert "--root" in message
    assert not out.parent.exists()


def test_one_image_that_is_there_is_enough_to_begin(out, tmp_path, paths):
    """Then the others are bad images, told one by one."""
    images = [tmp_path / f"{n}.jpg" for n in range(5)] + paths[:1]
    assert len(small(images, out, on_bad="skip")) == 1


# What the world may do meanwhile.


def loky_workers() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "popen_loky_posix" in " ".join(child.cmdline())]


def test_a_worker_that_is_killed_is_replaced(paths, out, caplog):
    """What the system kills for lack of memory costs a warning and a second, not the build."""
    killed = []

    def kill(progress):
        if progress.done and not killed:
            killed.append(loky_workers()[0])
            killed[0].send_signal(signal.SIGKILL)

    calibration = small(paths * 100, out, jobs=2, progress=kill)
    assert killed
    assert "a worker died" in caplog.text
    np.testing.assert_array_equal(calibration.array(), smallsets.rows(paths * 100))
    assert calibration.manifest.failures == []
    assert staging_left(out.parent) == []


@pytest.mark.parametrize("options", [{"jobs": 1}, {"jobs": 2}, {"jobs": 2, "backend": "threading"}])
def test_an_error_of_the_callers_own_passes_through(listed, out, options):
    """A subscriber that raises ends the build, is not disguised, and costs no row."""

    def fail(progress):
        if progress.done:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        small(listed, out, progress=fail, **options)
    assert "the same command goes on from there" in caught.value.__notes__[0]
    assert [path.name for path in out.parent.iterdir()] == [f"{out.name}.build"]
    assert len(small(listed, out, **options)) == COUNT
    assert staging_left(out.parent) == []


def test_two_builds_of_one_output_do_not_mix(listed, out):
    """The second is told that the first is running; the first goes on undisturbed."""
    told = []

    def begin_another(progress):
        if progress.done and not told:
            other = Recipe.yolo11(16, dtype="float16")
            with pytest.raises(StoppedError) as caught:
                small(listed, out, recipe=other)
            told.append(text_of(caught.value))

    calibration = small(listed, out, progress=begin_another)
    assert "another build" in told[0]
    assert "running" in told[0]
    paths = [Path(path) for path in ImageList.read(listed)]
    np.testing.assert_array_equal(calibration.array(), smallsets.rows(paths))
    assert staging_left(out.parent) == []


def test_what_a_killed_build_left_is_taken_away(listed, out, paths):
    """A staging folder that nobody works in any more does not stand in the way."""
    staging = out.with_name("calib.npy.build")
    staging.mkdir(parents=True)
    (staging / "rows.npy").write_bytes(b"\xff" * 10**6)
    (staging / "rows.jsonl").write_text("old")
    np.testing.assert_array_equal(small(listed, out).array(), smallsets.rows(paths))
    assert staging_left(out.parent) == []


def test_a_staging_folder_that_cannot_be_made_is_told(listed, out):
    """Something else of its name is left alone."""
    staging = out.with_name("calib.npy.build")
    staging.parent.mkdir()
    staging.write_text("mine")
    with pytest.raises(OutputError) as caught:
        small(listed, out)
    assert str(staging) in text_of(caught.value)
    assert staging.read_text() == "mine"


def test_a_script_needs_no_main_guard(tmp_path, listed, paths):
    """A plain script may build with worker processes at its top level."""
    script = tmp_path / "script.py"
    script.write_text(
        "import streamcalib\n"
        "recipe = streamcalib.Recipe.yolo11(16)\n"
        "print(len(streamcalib.build('list.txt', 'a.npy', recipe=recipe, jobs=2)))\n"
    )
    told = smallsets.run(
        cwd=tmp_path, program=f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    assert told == (0, f"{COUNT}\n", "")


def test_the_readme_example_works(photo_folder, tmp_path, monkeypatch):
    """Sample, build and read back in three lines."""
    import streamcalib

    monkeypatch.chdir(tmp_path)
    images = streamcalib.sample("train2017", 10, seed=42)
    calib = streamcalib.build(images, "calib.npy", recipe=streamcalib.Recipe.yolo11(64))
    reader = calib.modelopt_reader("images")
    assert reader.get_first()["images"].shape == (1, 3, 64, 64)
    assert len(calib) == 10
    assert calib.manifest.images["chosen"]["seed"] == 42


def test_the_public_names_are_there():
    """What the package promises can be imported from it."""
    import streamcalib

    assert all(hasattr(streamcalib, name) for name in streamcalib.__all__)
    assert "streamcalib" in sys.modules


def two_roots(tmp_path, number: int) -> list[Path]:
    """Make two folders of images of the same names and sizes, older than any set."""
    roots = []
    for first, root in ((0, tmp_path / "cam1"), (number, tmp_path / "cam2")):
        root.mkdir()
        for index in range(3):
            path = root / f"{index}.bmp"
            cv2.imwrite(str(path), smallsets.picture(first))
            os.utime(path, (1, 1))
        roots.append(root)
    return roots


def test_another_root_is_another_set(tmp_path, out):
    """The same names from another folder are other images, whatever their sizes and times."""
    one, other = two_roots(tmp_path, len(smallsets.SIZES))
    listed = smallsets.write_list(tmp_path / "bare.txt", ["0.bmp", "1.bmp", "2.bmp"])
    small(ImageList.read(listed, root=one), out)
    with pytest.raises(OutputError, match="is another picture now"):
        small(ImageList.read(listed, root=other), out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ListError, match="--root"):
        small(ImageList.read(listed, root=tmp_path / "empty"), out)


def test_images_that_moved_are_the_same_set(tmp_path, out):
    """The same images under another root leave the set complete, and so does their absence."""
    one, other = two_roots(tmp_path, 0)
    listed = smallsets.write_list(tmp_path / "bare.txt", ["0.bmp", "1.bmp", "2.bmp"])
    small(ImageList.read(listed, root=one), out)
    before = out.stat()
    small(ImageList.read(listed, root=other), out)
    shutil.rmtree(one)
    one.mkdir()
    small(ImageList.read(listed, root=one), out)
    assert out.stat() == before


def test_a_mended_image_is_noticed(tmp_path, paths, out):
    """What was left out as bad and is good now makes the set another one."""
    whole = paths[1].read_bytes()
    paths[1].write_bytes(b"")
    small(paths, out, on_bad="skip")
    assert len(small(paths, out, on_bad="skip")) == len(paths) - 1
    paths[1].write_bytes(whole)
    with pytest.raises(OutputError, match=r"was bad .the file is empty. and is good now"):
        small(paths, out, on_bad="skip")
    assert len(small(paths, out, on_bad="skip", overwrite=True)) == len(paths)


@pytest.mark.parametrize("name", ["calib.npy.build/notes.txt", "calib.npy.md", "calib.npy.json"])
def test_files_of_others_are_never_replaced(paths, out, name):
    """A user's file with the name of a side file, or in the staging folder, stops the build."""
    mine = out.parent / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(OutputError, match="is not streamcalib's"):
        small(paths, out)
    assert mine.read_text() == "mine"
    assert not out.exists()


def test_side_files_left_by_a_crash_are_replaced(paths, out):
    """Manifest and card without their data are streamcalib's own."""
    small(paths, out)
    out.unlink()
    assert len(small(paths, out)) == len(paths)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("size=64,64,3:int64", "int64 of shape Nx3"),
        ("size=64,64:float32", "float32 of shape Nx2"),
        ("size=64:int64", "int64 of shape N;"),
    ],
)
def test_further_inputs_are_held_against_the_graph(tmp_path, paths, text, says):
    """dtype and shape of a further input are compared before anything is written."""
    model = write_graph(
        tmp_path / "m.onnx", Input(shape=("n", 3, 16, 16)), Input("size", ("n", 2), INT64)
    )
    with pytest.raises(ModelError, match=f"int64, .x2.*{says}"):
        build(paths, tmp_path / "a.npz", model=model, extra_inputs=[ExtraInput.parse(text)])
    fitting = ExtraInput.parse("size=64,64:int64")
    build(paths, tmp_path / "a.npz", model=model, extra_inputs=[fitting], jobs=1)
