"""Whole sets of recipes that crop, stretch and read with Pillow, through every kind of store."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import smallsets
import zoo
from graphs import Input, write_graph
from messages import text_of
from streamcalib import CalibrationSet, Recipe, build, finalize
from streamcalib.errors import BadImagesError, OutputError
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.verify import verify

COUNT = 14
RECIPES = {
    "torchvision": replace(Recipe.preset("torchvision", 16), resize_side=20),
    "timm, padded": replace(Recipe.preset("timm", 32), resize_side=17, pad_value=9),
    "pixels last": replace(Recipe.preset("torchvision", 16, dtype="float16"), layout="NHWC"),
    "classify": Recipe.preset("yolo11-cls", 16),
    "rtdetr-original": Recipe.preset("rtdetr-original", "16x24"),
    "rtdetr-ultralytics": Recipe.preset("rtdetr-ultralytics", 16),
    "yolox": Recipe.preset("yolox", 16),
    "bytes": Recipe.preset("timm", 16, dtype="uint8"),
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images") / "images"
    paths = smallsets.make_images(folder, COUNT)
    odd = {
        "grey.jpg": zoo.jpeg(zoo.picture(20, 30)[..., 0]),
        "palette.png": zoo.pillow(zoo.picture(20, 30), "PNG", "P"),
        "exif.jpg": zoo.with_exif(zoo.jpeg(zoo.picture(20, 30)), zoo.oriented(6)),
    }
    for name, data in odd.items():
        (folder / name).write_bytes(data)
    return [*paths, *(folder / name for name in odd)]


def expected(recipe: Recipe, paths: list[Path]) -> np.ndarray:
    """Make rows one by one."""
    maker = RowMaker(recipe, find_decoder())
    return np.stack([maker.make(path.read_bytes())[0].copy() for path in paths])


def values(calibration: CalibrationSet) -> np.ndarray:
    return np.concatenate([batch.copy() for batch in calibration.batches(4)])


def assert_sound(calibration: CalibrationSet) -> None:
    """Every checksum is right, and every row is its image's."""
    found = verify(calibration.path, sources=True)
    assert (found.faults, found.unread) == ({}, {})
    assert found.compared == len(calibration)


@pytest.fixture(params=RECIPES.values(), ids=RECIPES)
def recipe(request) -> Recipe:
    return request.param


@pytest.mark.parametrize(
    ("ending", "store"), [("npy", "final"), ("npy", "uint8"), ("npz", None), ("zarr", None)]
)
def test_every_store_holds_the_same_values(recipe, paths, tmp_path, ending, store):
    """Bit for bit those of rows that are made alone; and each set verifies, sources included."""
    options = {} if store is None else {"store": store}
    calibration = build(paths, tmp_path / f"c.{ending}", recipe=recipe, jobs=1, **options)
    assert np.array_equal(values(calibration), expected(recipe, paths))
    assert_sound(calibration)


def test_processes_make_the_same_rows(paths, tmp_path):
    """Workers of their own find Pillow, too."""
    recipe = RECIPES["torchvision"]
    calibration = build(paths, tmp_path / "c.npy", recipe=recipe, jobs=2)
    assert np.array_equal(calibration.array(), expected(recipe, paths))


def test_sets_are_finalized_both_ways(recipe, paths, tmp_path):
    """Canvases to values and values to canvases."""
    canvases = build(paths, tmp_path / "a.zarr", recipe=recipe, jobs=1)
    final = finalize(canvases.path, tmp_path / "b.npy")
    back = finalize(final.path, tmp_path / "c.zarr")
    for each in (final, back):
        assert np.array_equal(values(each), expected(recipe, paths))


def test_the_manifest_says_who_read_and_resized(paths, tmp_path):
    """Pillow is named, with its version, where it makes pixels, and only there."""
    by_pillow = build(paths, tmp_path / "a.npy", recipe=RECIPES["torchvision"], jobs=1)
    manifest = by_pillow.manifest
    assert manifest.decoder.startswith(f"Pillow {version('pillow')}, libjpeg-turbo")
    assert manifest.versions["pillow"] == version("pillow")
    assert {record["decoded_by"] for record in by_pillow.row_records()} == {"pillow"}
    assert manifest.images["through_opencv"] == 0
    assert "Pillow" in by_pillow.card()
    resized = build(paths, tmp_path / "b.npy", recipe=RECIPES["classify"], jobs=1).manifest
    assert resized.versions["pillow"] == version("pillow")
    assert "Pillow" not in resized.decoder
    assert resized.images["through_opencv"] == 1
    neither = build(paths, tmp_path / "c.npy", recipe=RECIPES["yolox"], jobs=1).manifest
    assert "pillow" not in neither.versions


def test_a_rows_record_says_where_the_image_stands(paths, tmp_path):
    """What is cut off counts below 0; a stretched image has two scales."""
    cropped = build(paths, tmp_path / "a.npy", recipe=RECIPES["torchvision"], jobs=1)
    (first, *_) = cropped.row_records()
    assert (first["height"], first["width"]) == (24, 32)
    # 24x32 becomes 20x26, of which 16x16 are kept: half to even, 5 and 5 columns go.
    assert first["padding"] == [-2, -2, -5, -5]
    assert first["scale"] == 20 / 24
    stretched = build(paths, tmp_path / "b.npy", recipe=RECIPES["rtdetr-original"], jobs=1)
    (first, *_) = stretched.row_records()
    assert (first["scale"], first["padding"]) == ([16 / 24, 24 / 32], [0, 0, 0, 0])


def test_damaged_images_are_bad_for_pillow_too(paths, tmp_path):
    """By name and with the reason, as everywhere."""
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(paths[3].read_bytes()[:-200])
    with pytest.raises(BadImagesError) as caught:
        build([*paths, cut], tmp_path / "c.npy", recipe=RECIPES["torchvision"], jobs=1)
    assert "cut.jpg: damaged JPEG: " in text_of(caught.value, lines=3)


def test_an_image_that_would_become_huge_is_bad(paths, tmp_path):
    """A thin image whose shorter side grows is held to the limit before memory is taken."""
    thin = tmp_path / "thin.jpg"
    thin.write_bytes(zoo.jpeg(zoo.picture(1, 3000)))
    options = {"jobs": 1, "on_bad": "skip", "max_pixels": 1_000_000}
    recipe = RECIPES["torchvision"]
    calibration = build([*paths, thin], tmp_path / "c.npy", recipe=recipe, **options)
    (failure,) = calibration.manifest.failures
    told = "resized to 60000x20 pixels it is over the limit of 1000000"
    assert failure["reason"].startswith(told)
    wide = build([thin], tmp_path / "d.npy", recipe=recipe, jobs=1)
    assert_sound(wide)


def test_another_way_of_resizing_is_refused_by_name(paths, tmp_path):
    """Rows of two recipes are never mixed, and the message says in which field they differ."""
    recipe = RECIPES["torchvision"]
    build(paths, tmp_path / "c.npy", recipe=recipe, jobs=1)
    other = replace(recipe, resize_side=19)
    with pytest.raises(OutputError) as caught:
        build(paths, tmp_path / "c.npy", recipe=other, jobs=1)
    assert "resize_side: 20, not 19" in text_of(caught.value, lines=3)


def test_a_set_of_the_first_version_is_still_one(paths, tmp_path):
    """Its manifest lacks the fields that came later; it opens, verifies, and is complete."""
    calibration = build(paths, tmp_path / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    file = tmp_path / "c.npy.json"
    manifest = json.loads(file.read_text())
    for field in ("resize_side", "rounding"):
        del manifest["recipe"][field]
    file.write_text(json.dumps(manifest))
    assert_sound(calibration)
    before = calibration.path.stat().st_mtime_ns
    build(paths, tmp_path / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    assert calibration.path.stat().st_mtime_ns == before


def test_rows_go_to_one_of_two_image_inputs(paths, tmp_path):
    """``input_name`` says to which; the other is filled with a number."""
    from streamcalib.extra_inputs import ExtraInput

    model = write_graph(
        tmp_path / "m.onnx", Input("left", (1, 3, 16, 16)), Input("right", (1, 3, 8, 8))
    )
    calibration = build(
        paths,
        tmp_path / "c.npz",
        model=model,
        input_name="left",
        extra_inputs=[ExtraInput.parse("right=0.5*3x8x8:float32")],
        jobs=1,
    )
    with np.load(calibration.path) as arrays:
        assert arrays["left"].shape == (len(paths), 3, 16, 16)
        assert np.array_equal(arrays["right"], np.full((len(paths), 3, 8, 8), 0.5, np.float32))
    again = CalibrationSet.open(calibration.path)
    assert again.extra_inputs["right"].shape(1) == (1, 3, 8, 8)
