"""Presets: their recipes, and rows against what each reference implementation does.

torchvision, timm and Ultralytics themselves are asked in ``consumers/test_vision.py`` and
``consumers/test_ultralytics.py``; here their steps are done with Pillow, OpenCV and numpy alone.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import zoo
from messages import text_of
from streamcalib.errors import RecipeError
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.presets import DEFAULT_PRESET, PRESETS, find_preset, timm_side
from streamcalib.recipe import Recipe

LETTERBOXED = (
    "yolo11",
    "yolo12",
    "yolo26",
    "yolov3",
    "yolov5",
    "yolov6",
    "yolov8",
    "yolov9",
    "yolov10",
)
FILTERS = {"pil-bilinear": Image.Resampling.BILINEAR, "pil-bicubic": Image.Resampling.BICUBIC}


def files() -> dict[str, bytes]:
    """Return images of awkward sizes and kinds."""
    photo = zoo.picture(61, 83)
    sizes = ((1, 1), (90, 3), (3, 91), (33, 47), (224, 300), (300, 224), (64, 64))
    return {f"{h}x{w}": zoo.jpeg(zoo.picture(h, w)) for h, w in sizes} | {
        "grey": zoo.jpeg(photo[..., 0]),
        "420": zoo.sampled(photo, "420"),
        "progressive": zoo.jpeg(photo, progressive=1),
        "exif6": zoo.with_exif(zoo.jpeg(photo), zoo.oriented(6)),
        "cmyk": zoo.pillow(photo, "JPEG", "CMYK"),
        "palette": zoo.pillow(photo, "PNG", "P"),
        "png": zoo.pillow(photo, "PNG"),
        "16-bit": cv2.imencode(".png", photo.astype(np.uint16) * 257)[1].tobytes(),
        "alpha": cv2.imencode(".png", np.dstack([photo, photo[..., 0]]))[1].tobytes(),
    }


FILES = files()


def by_opencv(data: bytes) -> np.ndarray:
    """Read as ``cv2.imread`` does: BGR, turned upright."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def by_pillow(data: bytes) -> Image.Image:
    """Read as torchvision and timm do."""
    return Image.open(BytesIO(data)).convert("RGB")


def yolox(image: np.ndarray, side: int) -> np.ndarray:
    """Do what YOLOX's ``preproc`` does: top left, sides cut to whole pixels, BGR, 0 to 255."""
    scale = min(side / image.shape[0], side / image.shape[1])
    height, width = (max(int(length * scale), 1) for length in image.shape[:2])
    row = np.full((3, side, side), 114, np.float32)
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    row[:, :height, :width] = resized.transpose(2, 0, 1)
    return row


def imagenet(image: Image.Image, side: int, shorter: int, kind: Image.Resampling) -> np.ndarray:
    """Do what ``Resize``, ``CenterCrop``, ``ToTensor`` and ``Normalize`` of torchvision do."""
    short = min(image.size)
    size = tuple(shorter if s == short else int(shorter * s / short) for s in image.size)
    image = image.resize(size, kind)
    left, top = (round((length - side) / 2) for length in size)
    pixels = np.asarray(image.crop((left, top, left + side, top + side)), np.float32)
    mean = np.array([0.485, 0.456, 0.406], np.float32)
    std = np.array([0.229, 0.224, 0.225], np.float32)
    return ((pixels / np.float32(255) - mean) / std).transpose(2, 0, 1)


def unit(pixels: np.ndarray) -> np.ndarray:
    """Return RGB pixels as (3, H, W), 0 to 1."""
    return pixels.astype(np.float32).transpose(2, 0, 1) / np.float32(255)


REFERENCES = {
    "yolox": (416, lambda data: yolox(by_opencv(data), 416)),
    "rtdetr-ultralytics": (
        96,
        lambda data: unit(cv2.resize(by_opencv(data), (96, 96))[..., ::-1]),
    ),
    "yolo26-depth": (96, lambda data: unit(cv2.resize(by_opencv(data), (96, 96))[..., ::-1])),
    "rtdetr-original": (
        96,
        lambda data: unit(np.asarray(by_pillow(data).resize((96, 96), FILTERS["pil-bilinear"]))),
    ),
    "torchvision": (
        224,
        lambda data: imagenet(by_pillow(data), 224, 256, FILTERS["pil-bilinear"]),
    ),
    "timm": (224, lambda data: imagenet(by_pillow(data), 224, 256, FILTERS["pil-bicubic"])),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("preset", REFERENCES)
def test_rows_equal_the_references(preset, name):
    """Not one element differs."""
    side, reference = REFERENCES[preset]
    row, _ = RowMaker(Recipe.preset(preset, side), find_decoder()).make(FILES[name])
    expected = reference(FILES[name])
    assert row.dtype == expected.dtype
    assert np.array_equal(row, expected)


def test_yolox_is_not_the_letterbox_of_others():
    """Rounding down shows: the same image and anchor, rounded, is another row."""
    data = zoo.jpeg(zoo.picture(61, 83))
    recipe = Recipe.preset("yolox", 416)
    down, _ = RowMaker(recipe, find_decoder()).make(data)
    rounded, _ = RowMaker(replace(recipe, rounding="round"), find_decoder()).make(data)
    assert not np.array_equal(down, rounded)


@pytest.mark.parametrize("name", LETTERBOXED)
def test_the_yolo_family_shares_its_preprocessing(name):
    """Every preset of it is a name for the same recipe."""
    assert Recipe.preset(name, 320) == replace(Recipe.yolo11(320), name=name)
    assert Recipe.preset(name) == replace(Recipe.yolo11(640), name=name)


@pytest.mark.parametrize("name", ["yolo11-cls", "yolo12-cls", "yolo26-cls", "yolov8-cls"])
def test_classification_crops_a_square_and_stretches_anything_else(name):
    """As Ultralytics' ``classify_transforms`` does."""
    square, oblong = Recipe.preset(name), Recipe.preset(name, (160, 224))
    assert (square.resize, square.resize_side, square.height) == ("crop", 224, 224)
    assert (oblong.resize, oblong.resize_side) == ("stretch", None)
    assert {square.interpolation, oblong.interpolation} == {"pil-bilinear"}
    assert square.decoder == "opencv"


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_every_preset_is_a_recipe(name, dtype):
    """In each dtype, with rows of bytes where a graph takes them; it survives JSON."""
    recipe = Recipe.preset(name, 64, dtype=dtype)
    assert (recipe.height, recipe.width, recipe.dtype, recipe.name) == (64, 64, dtype, name)
    assert Recipe.from_json(recipe.to_json()) == recipe
    if dtype == "uint8":
        assert recipe.value_range == (0, 255)
    assert find_preset(name).serves
    assert find_preset(name).reference


def test_all_presets_are_tried():
    """Each is one of the family, a classifier, or held against a reference above."""
    classifiers = {name for name in PRESETS if name.endswith("-cls")}
    assert set(PRESETS) == set(LETTERBOXED) | classifiers | set(REFERENCES)
    assert DEFAULT_PRESET == "yolo11"


@pytest.mark.parametrize(
    ("name", "side", "shorter"),
    [
        ("torchvision", 224, 256),
        ("torchvision", 299, 342),
        ("timm", 224, 256),
        ("timm", 299, 341),
        ("timm", 384, 438),
        ("yolo11-cls", 640, 640),
    ],
)
def test_the_shorter_side_follows_the_canvas(name, side, shorter):
    """As the libraries' own weights have it."""
    assert Recipe.preset(name, side).resize_side == shorter


@given(st.integers(1, 2000), st.floats(0.05, 1))
def test_timms_share_cuts_nothing_that_is_not_there(side, share):
    """The resized image is at least as large as the canvas, and no larger than the share says."""
    assert side <= timm_side(side, share) <= side / share


@pytest.mark.parametrize("share", [0, -0.5, 1.01, float("nan")])
def test_a_share_is_one(share):
    """timm's ``crop_pct`` is above 0 and at most 1."""
    with pytest.raises(RecipeError, match="--crop-pct must be above 0 and at most 1"):
        timm_side(224, share)


@pytest.mark.parametrize("name", ["torchvision", "timm"])
def test_a_square_cannot_be_oblong(name):
    """The message says what can be done."""
    with pytest.raises(RecipeError) as caught:
        Recipe.preset(name, "160x224")
    assert f"preset {name} cuts a square out, and 160x224 is none" in text_of(caught.value)
    assert "resize_side" in text_of(caught.value)


def test_a_preset_that_is_none_is_refused_with_all_names():
    """The name is shown escaped."""
    with pytest.raises(RecipeError) as caught:
        Recipe.preset("yolo\x1b")
    assert text_of(caught.value).startswith(r"--preset 'yolo\x1b' is none of yolo11, yolo12")
