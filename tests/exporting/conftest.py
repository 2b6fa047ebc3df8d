"""Sets to be exported, in every kind of store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import smallsets
from streamcalib import CalibrationSet, Recipe, build

COUNT = 7
# torchvision's ImageNet numbers on the YOLO geometry; three different tables.
IMAGENET = replace(
    smallsets.RECIPE, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), name="imagenet"
)
# Not square, BGR, 0 to 255, as YOLOX takes it.
WIDE_BGR = Recipe(height=16, width=24, channel_order="BGR", scale=1.0, name="wide")
NHWC = replace(IMAGENET, layout="NHWC", name="nhwc")
BYTES = Recipe.yolo11(smallsets.SIDE, dtype="uint8")
RECIPES = {
    "yolo11": smallsets.RECIPE,
    "imagenet": IMAGENET,
    "wide-bgr": WIDE_BGR,
    "nhwc": NHWC,
    "bytes": BYTES,
}


class Made(NamedTuple):
    """A set, its rows as the model sees them (N, *row shape), and its canvases (N, H, W, 3)."""

    calibration: CalibrationSet
    values: np.ndarray
    pixels: np.ndarray

    @property
    def recipe(self) -> Recipe:
        return self.calibration.recipe


@pytest.fixture(scope="session")
def paths(tmp_path_factory) -> list[Path]:
    return smallsets.make_images(tmp_path_factory.mktemp("images") / "images", COUNT)


@pytest.fixture(scope="session")
def sets(tmp_path_factory, paths) -> dict[str, Made]:
    """Every recipe as a file of final values and as shards of canvases: ``yolo11.npy`` and on."""
    folder = tmp_path_factory.mktemp("sets")
    made = {}
    for name, recipe in RECIPES.items():
        plain = {"scale": 1.0, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
        bytes_ = replace(recipe, dtype="uint8", layout="NHWC", **plain)
        pixels = build(paths, folder / f"{name}_pixels.npy", recipe=bytes_, jobs=1).array()
        for suffix in ("npy", "zarr"):
            calibration = build(paths, folder / f"{name}.{suffix}", recipe=recipe, jobs=1)
            values = np.concatenate(list(calibration.batches(4)))
            made[f"{name}.{suffix}"] = Made(calibration, values, np.array(pixels))
    return made


@pytest.fixture(params=[f"{name}.{suffix}" for name in RECIPES for suffix in ("npy", "zarr")])
def made(request, sets) -> Made:
    """Each of the sets."""
    return sets[request.param]


@pytest.fixture(params=["npy", "zarr"])
def plain(request, sets) -> Made:
    """The set of YOLO11's recipe, as final values and as canvases."""
    return sets[f"yolo11.{request.param}"]
