"""Preprocessing by the name of a model family, each as its reference implementation does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor
from typing import TYPE_CHECKING, Any, Literal

from streamcalib.errors import RecipeError
from streamcalib.recipe_fields import NOT_NORMALIZED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamcalib.recipe_fields import DType

DEFAULT_PRESET = "yolo11"

# The mean and standard deviation of ImageNet's training images, RGB, 0 to 1.
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_CROP_PCT = 0.875


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A model family's preprocessing.

    Attributes
    ----------
    name
        What ``--preset`` says.
    serves
        Models and tasks.
    reference
        The implementation that rows equal bit for bit, and its version.
    side
        Usual side of the canvas, in pixels.
    fixed
        Fields of the recipe that are other than its defaults, whatever the size.
    crop
        How the shorter side follows from the canvas's side, of presets that cut a square out:
        ``same``, or a share of the resized image, as torchvision or timm compute it.
    oblong
        Whether the canvas may have two different sides.
    """

    name: str
    serves: str
    reference: str
    side: int = 640
    fixed: Mapping[str, Any] = field(default_factory=dict)
    crop: Literal["same", "torchvision", "timm"] | None = None
    oblong: bool = True

    def fields(self, height: int, width: int, dtype: DType) -> dict[str, Any]:
        """Return the fields of the recipe for a canvas in pixels and a graph's dtype.

        Raises
        ------
        RecipeError
            If the canvas must be square and is not.
        """
        if height != width and not self.oblong:
            raise RecipeError(
                f"preset {self.name} cuts a square out, and {height}x{width} is none: say one "
                "side, or write a recipe with a resize_side (streamcalib recipe show)."
            )
        fields = {"name": self.name, "height": height, "width": width, "dtype": dtype, **self.fixed}
        if self.crop is not None:
            fields |= _shape(self.crop, height, width)
        # Such a graph normalizes inside.
        return fields | NOT_NORMALIZED if dtype == "uint8" else fields


def _shape(crop: Literal["same", "torchvision", "timm"], height: int, width: int) -> dict[str, Any]:
    if crop == "same":
        # Ultralytics keeps the aspect ratio for a square only.
        return (
            {"resize": "crop", "resize_side": height} if height == width else {"resize": "stretch"}
        )
    side = round(height / _CROP_PCT) if crop == "torchvision" else timm_side(height, _CROP_PCT)
    return {"resize": "crop", "resize_side": side}


def timm_side(side: int, crop_pct: float) -> int:
    """Return the pixels to which timm resizes the shorter side, of a canvas's side and its share.

    Raises
    ------
    RecipeError
        If ``crop_pct`` is not above 0 and at most 1.
    """
    if not 0 < crop_pct <= 1:
        raise RecipeError(f"--crop-pct must be above 0 and at most 1, like 0.95, not {crop_pct:g}.")
    return floor(side / crop_pct)


def _letterboxed(name: str, serves: str) -> Preset:
    return Preset(
        name=name,
        serves=serves,
        reference="Ultralytics 8.4, LetterBox(auto=False) and the predictor's preprocess",
    )


def _classifying(name: str, model: str) -> Preset:
    return Preset(
        name=name,
        serves=f"{model}: classify",
        reference="Ultralytics 8.4, the classification predictor (images read with OpenCV)",
        side=224,
        fixed={"interpolation": "pil-bilinear", "pad_value": 0},
        crop="same",
    )


_PIL: dict[str, Any] = {"decoder": "pil", "orientation": "ignore"}

_ALL = (
    _letterboxed("yolo11", "Ultralytics YOLO11 and YOLOE-11: detect, segment, pose, obb"),
    _letterboxed("yolo12", "Ultralytics YOLO12: detect, segment, pose, obb"),
    _letterboxed("yolo26", "Ultralytics YOLO26 and YOLOE-26: detect, segment, pose, obb, semantic"),
    _letterboxed("yolov3", "Ultralytics YOLOv3: detect"),
    _letterboxed("yolov5", "Ultralytics YOLOv5 (YOLOv5u): detect"),
    _letterboxed("yolov6", "Ultralytics YOLOv6: detect"),
    _letterboxed(
        "yolov8", "Ultralytics YOLOv8, YOLO-World and YOLOE-v8: detect, segment, pose, obb"
    ),
    _letterboxed("yolov9", "Ultralytics YOLOv9: detect, segment"),
    _letterboxed("yolov10", "Ultralytics YOLOv10: detect"),
    _classifying("yolo11-cls", "Ultralytics YOLO11"),
    _classifying("yolo12-cls", "Ultralytics YOLO12"),
    _classifying("yolo26-cls", "Ultralytics YOLO26"),
    _classifying("yolov8-cls", "Ultralytics YOLOv8"),
    Preset(
        name="yolo26-depth",
        serves="Ultralytics YOLO26: depth",
        reference="Ultralytics 8.4, LetterBox(scale_fill=True) and the predictor's preprocess",
        fixed={"resize": "stretch"},
    ),
    Preset(
        name="rtdetr-ultralytics",
        serves="RT-DETR as Ultralytics trains and exports it",
        reference="Ultralytics 8.4, LetterBox(scale_fill=True) and the predictor's preprocess",
        fixed={"resize": "stretch"},
    ),
    Preset(
        name="rtdetr-original",
        serves="RT-DETR and RT-DETRv2 of its authors' repository (lyuwenyu/RT-DETR)",
        reference="its references/deploy: torchvision's Resize((H, W)) of a PIL image and ToTensor",
        fixed={"resize": "stretch", "interpolation": "pil-bilinear", **_PIL},
    ),
    Preset(
        name="yolox",
        serves="YOLOX (416 for nano and tiny): detect, but not weights that need --legacy",
        reference="YOLOX 0.3, preproc of yolox/data/data_augment.py",
        fixed={
            "channel_order": "BGR",
            "scale": 1.0,
            "anchor": "top-left",
            "rounding": "floor",
        },
    ),
    Preset(
        name="torchvision",
        serves="torchvision's ImageNet classifiers that resize to 256 and crop 224",
        reference="torchvision 0.29, ImageClassification(crop_size=224) of a PIL image",
        side=224,
        fixed={"interpolation": "pil-bilinear", "pad_value": 0, **_IMAGENET, **_PIL},
        crop="torchvision",
        oblong=False,
    ),
    Preset(
        name="timm",
        serves="timm's ImageNet classifiers with crop_pct 0.875 and bicubic interpolation",
        reference="timm 1.0, create_transform(224, interpolation='bicubic', crop_pct=0.875)",
        side=224,
        fixed={"interpolation": "pil-bicubic", "pad_value": 0, **_IMAGENET, **_PIL},
        crop="timm",
        oblong=False,
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}
"""The presets by name."""


def find_preset(name: str) -> Preset:
    """Return a preset; raises `RecipeError`, with all names, if there is none of that name."""
    if name not in PRESETS:
        raise RecipeError(f"--preset {name!r} is none of {', '.join(PRESETS)}.")
    return PRESETS[name]
