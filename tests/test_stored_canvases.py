"""Sets that keep uint8 canvases: a quarter of the space, and the same values to the last bit."""

from __future__ import annotations

import itertools
import json
import shlex
from dataclasses import replace
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, Recipe, build, finalize
from streamcalib.errors import InputError, OutputError, SetError
from streamcalib.finalize import check_finalize

COUNT = 25
RECIPES = {
    "float32": smallsets.RECIPE,
    "float16": Recipe.yolo11(16, dtype="float16"),
    "pixels last": replace(smallsets.RECIPE, layout="NHWC"),
    "uint8, pixels last": replace(Recipe.yolo11(16, dtype="uint8"), layout="NHWC"),
    "normalized": replace(smallsets.RECIPE, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)),
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> list[Path]:
    return smallsets.make_images(tmp_path_factory.mktemp("images") / "images", COUNT)


@pytest.fixture(params=RECIPES.values(), ids=RECIPES)
def pair(request, paths, tmp_path) -> tuple[CalibrationSet, CalibrationSet]:
    """The same images as canvases and as final values."""
    options = {"recipe": request.param, "jobs": 1}
    return (
        build(paths, tmp_path / "canvases.npy", store="uint8", **options),
        build(paths, tmp_path / "final.npy", **options),
    )


@pytest.fixture
def canvases(paths, tmp_path) -> CalibrationSet:
    return build(paths, tmp_path / "canvases.npy", recipe=smallsets.RECIPE, store="uint8", jobs=1)


def values(calibration: CalibrationSet, size: int = 4, **options) -> np.ndarray:
    return np.concatenate([batch.copy() for batch in calibration.batches(size, **options)])


def test_the_values_are_those_of_a_final_set(pair):
    """Encoded when read, in batches or rows, every bit is that of the set of final values."""
    canvases, final = pair
    expected = final.array()
    assert (canvases.shape, canvases.dtype) == (final.shape, final.dtype)
    for reuse in (False, True):
        read = values(canvases, reuse=reuse)
        assert read.dtype == expected.dtype
        np.testing.assert_array_equal(read, expected)
    np.testing.assert_array_equal(canvases.rows(3, 9), expected[3:9])


def test_the_file_holds_planes_of_bytes(pair):
    """Any tool can open it: (N, 3, H, W) uint8, whatever the layout of the values."""
    canvases, _ = pair
    stored = np.load(canvases.path, allow_pickle=False)
    assert (stored.shape, stored.dtype) == ((COUNT, 3, 16, 16), np.uint8)
    manifest = canvases.manifest
    assert (manifest.shape, manifest.dtype, manifest.layout) == (stored.shape, "uint8", "NCHW")
    assert manifest.store == "uint8"


def test_checksums_can_be_compared(pair):
    """Both sets tell the canvas's checksum; only final values have one of their own."""
    canvases, final = pair
    stored = np.load(canvases.path)
    for row, mine, theirs in zip(stored, canvases.row_records(), final.row_records(), strict=True):
        assert mine["canvas_crc32c"] == f"{google_crc32c.value(row.tobytes()):08x}"
        assert "row_crc32c" not in mine
        assert mine == {key: value for key, value in theirs.items() if key != "row_crc32c"}
    assert "row_crc32c" not in canvases.manifest.checksums
    assert "row_crc32c" in final.manifest.checksums


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_finalizing_gives_the_file_that_a_build_gives(pair, tmp_path, jobs):
    """The .npy is the same bytes, and its manifest says the same of every row."""
    canvases, final = pair
    made = finalize(canvases, tmp_path / "made.npy", jobs=jobs)
    assert made.path.read_bytes() == final.path.read_bytes()
    assert list(made.row_records()) == list(final.row_records())
    for name in ("shape", "dtype", "layout", "store", "checksums", "recipe_fingerprint"):
        assert getattr(made.manifest, name) == getattr(final.manifest, name)


@pytest.mark.parametrize("jobs", [1, 3])
def test_finalizing_to_an_npz_gives_the_one_that_a_build_gives(pair, paths, tmp_path, jobs):
    """By way of staged canvases or of a set of them, the archive is the same bytes."""
    canvases, final = pair
    made = finalize(canvases, tmp_path / "made.npz", jobs=jobs)
    built = build(paths, tmp_path / "built.npz", recipe=canvases.recipe, jobs=2)
    assert made.path.read_bytes() == built.path.read_bytes()
    np.testing.assert_array_equal(built.array(), final.array())
    assert list(built.row_records()) == list(made.row_records()) == list(final.row_records())


@pytest.mark.parametrize(
    "options",
    [{"jobs": 2}, {"jobs": 3, "backend": "threading"}, {"jobs": 2, "cache_window": 1000}],
    ids=["loky", "threading", "small window"],
)
def test_any_workers_build_the_same(canvases, paths, tmp_path, options):
    """Canvases do not depend on who made them, nor on how much may be cached."""
    other = build(paths, tmp_path / "other.npy", recipe=smallsets.RECIPE, store="uint8", **options)
    assert other.path.read_bytes() == canvases.path.read_bytes()
    assert list(other.row_records()) == list(canvases.row_records())


def test_the_array_is_refused_with_the_way_to_read_it(canvases):
    """There is no array of values to map, and the message says what there is."""
    with pytest.raises(SetError) as caught:
        canvases.array()
    for words in ("uint8 canvases", "float32", "batches()", "streamcalib finalize"):
        assert words in text_of(caught.value)


def test_plain_uint8_rows_are_final_as_they_are(paths, tmp_path):
    """Where canvases are what the model takes, there is nothing to encode and all to map."""
    recipe = Recipe.yolo11(16, dtype="uint8")
    made = build(paths, tmp_path / "a.npy", recipe=recipe, store="uint8", jobs=1)
    assert made.manifest.store == "final"
    assert made.array().dtype == np.uint8


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_canvas_of_three_by_three_has_one_shape_in_both_layouts(paths, tmp_path, suffix):
    """Shapes that happen to be equal do not make canvases of rows."""
    recipe = replace(Recipe.yolo11(3, dtype="uint8"), layout="NHWC")
    canvases = build(paths, tmp_path / "c.npy", recipe=recipe, store="uint8", jobs=1)
    plain = build(paths, tmp_path / "p.npy", recipe=replace(recipe, layout="NCHW"), jobs=1)
    np.testing.assert_array_equal(np.load(canvases.path), plain.array())
    expected = plain.array().transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(values(canvases), expected)
    np.testing.assert_array_equal(finalize(canvases, tmp_path / f"f.{suffix}").array(), expected)
    built = build(paths, tmp_path / f"b.{suffix}", recipe=recipe, jobs=1)
    np.testing.assert_array_equal(built.array(), expected)


@pytest.mark.parametrize("reuse", [False, True])
def test_a_batch_larger_than_any_file(canvases, reuse):
    """Whoever wants everything at once may say so with any number."""
    assert len(values(canvases, 2**62, reuse=reuse)) == COUNT


@pytest.mark.parametrize("reuse", [False, True])
def test_a_file_that_was_removed_can_still_be_read(canvases, reuse):
    """An open set stays readable, as the system promises for mapped files."""
    expected = values(canvases)
    canvases.path.unlink()
    np.testing.assert_array_equal(values(canvases, reuse=reuse), expected)


def test_fresh_batches_are_the_callers_own(canvases):
    """By default nothing that was handed out changes later, and it may be written to."""
    batches = list(canvases.batches(4))
    assert not any(np.shares_memory(a, b) for a, b in itertools.pairwise(batches))
    np.testing.assert_array_equal(np.concatenate(batches), values(canvases))
    assert [len(batch) for batch in batches] == [4] * 6 + [1]
    batches[0][...] = 0


def test_a_reused_buffer_is_one(canvases):
    """With ``reuse`` every batch lies where the one before lay."""
    batches = list(canvases.batches(4, reuse=True))
    assert all(np.shares_memory(batches[0], batch) for batch in batches)
    assert [len(batch) for batch in batches] == [4] * 6 + [1]


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("size", [1, 25, 100])
def test_batches_of_any_size(canvases, size, reuse):
    """One row at a time or all at once."""
    assert values(canvases, size, reuse=reuse).shape == (COUNT, 3, 16, 16)


@pytest.mark.parametrize("reuse", [False, True])
def test_reading_may_end_early(canvases, reuse):
    """Whoever takes one batch and no more leaves no file or thread behind."""
    batches = canvases.batches(2, reuse=reuse)
    first = next(batches).copy()
    batches.close()
    np.testing.assert_array_equal(first, canvases.rows(0, 2))


def test_readers_give_final_values(canvases, paths):
    """A quantizer sees no difference."""
    reader = canvases.modelopt_reader("images", batch_size=5)
    expected = smallsets.rows(paths)
    np.testing.assert_array_equal(reader.get_first()["images"], expected[:5])
    steps = [step["images"] for step in iter(reader.get_next, None)]
    np.testing.assert_array_equal(np.concatenate(steps), expected)


def test_another_store_is_another_set(canvases, paths):
    """Final values are not built over canvases unasked, and the message says what differs."""
    with pytest.raises(OutputError, match="store: uint8, not final"):
        build(paths, canvases.path, recipe=smallsets.RECIPE, jobs=1)
    again = build(paths, canvases.path, recipe=smallsets.RECIPE, store="uint8", jobs=1)
    assert again.manifest.created == canvases.manifest.created
    final = build(paths, canvases.path, recipe=smallsets.RECIPE, jobs=1, overwrite=True)
    assert final.manifest.store == "final"


def test_an_npz_of_canvases_is_refused(paths, tmp_path):
    """An archive is for a quantizer, which knows nothing of canvases."""
    with pytest.raises(InputError, match=r"--store uint8 needs an \.npy"):
        build(paths, tmp_path / "a.npz", store="uint8", jobs=1)
    assert list(tmp_path.iterdir()) == []


def test_the_same_finalization_again_writes_nothing(canvases, tmp_path):
    """A file that holds these rows is recognized by their canvases."""
    made = finalize(canvases, tmp_path / "made.npy")
    again = check_finalize(canvases, tmp_path / "made.npy")
    assert again.complete is not None
    assert again.complete.manifest.created == made.manifest.created


def test_canvases_are_not_taken_for_final_values(canvases, tmp_path, paths):
    """A set of canvases under the output's name is no finished file of final values."""
    other = build(paths, tmp_path / "o.npy", recipe=smallsets.RECIPE, store="uint8", jobs=1)
    with pytest.raises(OutputError, match="--overwrite"):
        finalize(canvases, other.path)


def test_bad_images_are_left_out_or_replaced_alike(paths, tmp_path):
    """Holes in a store of canvases are closed as in any other."""
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"")
    mixed = [paths[0], bad, *paths[1:5], bad, paths[5]]
    options = {"recipe": smallsets.RECIPE, "jobs": 1, "on_bad": "skip"}
    canvases = build(mixed, tmp_path / "c.npy", store="uint8", **options)
    final = build(mixed, tmp_path / "f.npy", **options)
    archive = build(mixed, tmp_path / "f.npz", **options)
    assert len(canvases) == 6
    np.testing.assert_array_equal(values(canvases), final.array())
    np.testing.assert_array_equal(archive.array(), final.array())
    assert list(archive.row_records()) == list(final.row_records())


def test_the_side_file_of_a_large_set_gains_the_checksums(tmp_path, paths):
    """Above a thousand rows the records of a finalized file are written anew."""
    images = [paths[n % COUNT] for n in range(1001)]
    options = {"recipe": Recipe.yolo11(8), "jobs": 1}
    canvases = build(images, tmp_path / "c.npy", store="uint8", **options)
    final = build(images, tmp_path / "f.npy", **options)
    made = finalize(canvases, tmp_path / "m.npy")
    assert made.path.read_bytes() == final.path.read_bytes()
    assert list(made.row_records()) == list(final.row_records())
    assert made.manifest.rows["sha256"] == final.manifest.rows["sha256"]


def test_the_command_line_builds_and_finalizes_canvases(paths, tmp_path):
    """--store and --cache-window are options of build, and --jobs of finalize."""
    smallsets.write_list(tmp_path / "list.txt", paths)
    build_command = ("build", "--list", "list.txt", "--imgsz", 16, "--out", "c.npy")
    built = smallsets.run(
        *build_command, "--store", "uint8", "--cache-window", 8, "--jobs", 2, cwd=tmp_path
    )
    assert built.code == 0, built.err
    assert "kept as uint8 canvases, 23.3 kB" in built.out
    assert "Write the final values for a quantizer (76.8 kB):" in built.out
    words = shlex.split(built.out.splitlines()[-1])
    assert words[:2] == ["streamcalib", "finalize"]
    assert smallsets.run(*words[1:], cwd=tmp_path).code == 0
    np.testing.assert_array_equal(np.load(words[-1]), smallsets.rows(paths))
    plan = smallsets.run(*build_command, "--store", "uint8", "--dry-run", cwd=tmp_path)
    assert "(25, 3, 16, 16) uint8" in plan.out
    ended = smallsets.run("finalize", "c.npy", "--out", "f.npy", "--jobs", 2, cwd=tmp_path)
    assert ended.code == 0, ended.err
    np.testing.assert_array_equal(np.load(tmp_path / "f.npy"), smallsets.rows(paths))
    shown = smallsets.run("info", "c.npy", cwd=tmp_path)
    assert "canvases, encoded as (25, 3, 16, 16) float32 when read" in shown.out
    manifest = json.loads(smallsets.run("info", "c.npy", "--json", cwd=tmp_path).out)
    assert manifest["store"] == "uint8"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--store", "zarr"), "final"),
        (("--cache-window", "0"), "--cache-window"),
        (("--cache-window", "much"), "--cache-window"),
    ],
)
def test_wrong_options_are_told(paths, tmp_path, arguments, says):
    """Exit code 2, and the option's name."""
    smallsets.write_list(tmp_path / "list.txt", paths)
    ended = smallsets.run("build", "--list", "list.txt", "--out", "c.npy", *arguments, cwd=tmp_path)
    assert ended.code == 2
    assert says in ended.err
