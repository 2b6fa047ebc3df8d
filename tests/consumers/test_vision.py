"""Rows against torchvision's, timm's and Ultralytics' own transforms, from the real packages."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zoo
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.recipe import Recipe

FOLDER = Path(os.environ.get("STREAMCALIB_VISION", os.devnull))
PACKAGES = ("torchvision", "timm", "ultralytics")
MISSING = [
    name
    for name in PACKAGES
    if importlib.util.find_spec(name) is None and not (FOLDER / name).is_dir()
]
OBLONG = (160, 224)
HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
CLIP = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
}

pytestmark = [
    pytest.mark.vision,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


def ways() -> dict[str, Recipe]:
    """Return a recipe for every name in `vision_rows`."""
    torchvision, timm = Recipe.preset("torchvision"), Recipe.preset("timm")
    large = Recipe.preset("torchvision", 480)
    classify, stretched = Recipe.preset("yolo11-cls"), Recipe.preset("rtdetr-ultralytics")
    oblong = {"height": OBLONG[0], "width": OBLONG[1]}
    recipes = {
        "torchvision": torchvision,
        "torchvision-232": replace(torchvision, resize_side=232),
        "torchvision-bicubic": replace(large, resize_side=480, interpolation="pil-bicubic", **HALF),
        "torchvision-oblong": replace(torchvision, resize_side=90, **oblong),
        "timm": timm,
        "timm-0.95": replace(timm, resize_side=235, **CLIP),
        "timm-bilinear": replace(
            Recipe.preset("timm", 160), resize_side=177, interpolation="pil-bilinear"
        ),
        "timm-squash": replace(timm, resize="stretch", resize_side=None),
        "rtdetr-original": Recipe.preset("rtdetr-original"),
        "yolo11-cls": classify,
        "yolo11-cls-oblong": Recipe.preset("yolo11-cls", OBLONG),
        "rtdetr-ultralytics": stretched,
        "rtdetr-ultralytics-oblong": Recipe.preset("rtdetr-ultralytics", OBLONG),
    }
    halves = {
        f"{name}-half": replace(recipe, dtype="float16")
        for name, recipe in recipes.items()
        if name.startswith(("yolo11-cls", "rtdetr-ultralytics"))
    }
    return recipes | halves


@pytest.fixture(scope="module")
def files(tmp_path_factory, photographs) -> list[Path]:
    """Photographs, and images of awkward sizes and kinds."""
    folder = tmp_path_factory.mktemp("images")
    named = dict(photographs)
    for height, width in ((1, 1), (90, 3), (3, 91), (33, 47), (224, 300), (300, 224), (256, 256)):
        named[f"{height}x{width}.jpg"] = zoo.jpeg(zoo.picture(height, width))
    photo = zoo.picture(301, 403)
    named |= {
        "grey.jpg": zoo.jpeg(photo[..., 0]),
        "420.jpg": zoo.sampled(photo, "420"),
        "progressive.jpg": zoo.jpeg(photo, progressive=1),
        "exif6.jpg": zoo.with_exif(zoo.jpeg(photo), zoo.oriented(6)),
        "cmyk.jpg": zoo.pillow(photo, "JPEG", "CMYK"),
        "palette.png": zoo.pillow(photo, "PNG", "P"),
        "rgb.png": zoo.pillow(photo, "PNG"),
    }
    for name, data in named.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in named]


@pytest.fixture(scope="module")
def reference(tmp_path_factory, files) -> dict[str, np.ndarray]:
    """Rows of the real packages, by way."""
    folder = tmp_path_factory.mktemp("reference")
    script = Path(__file__).with_name("vision_rows.py")
    settings = {"YOLO_CONFIG_DIR": str(folder), "YOLO_OFFLINE": "true"}
    out = folder / "rows.npz"
    subprocess.run(
        [sys.executable, str(script), str(out), *map(str, files)],
        check=True,
        env={**os.environ, **settings},
        timeout=300,
    )
    with np.load(out) as arrays:
        return dict(arrays)


def test_every_way_is_tried(reference):
    """No reference goes without a recipe, and none the other way round."""
    assert set(reference) == set(ways())


@pytest.mark.parametrize("way", ways())
def test_rows_equal_the_packages(way, reference, files):
    """Not one element of any image differs."""
    maker = RowMaker(ways()[way], find_decoder())
    for path, expected in zip(files, reference[way], strict=True):
        row, _ = maker.make(path.read_bytes())
        assert row.dtype == expected.dtype
        assert row.tobytes() == expected.tobytes(), path.name
