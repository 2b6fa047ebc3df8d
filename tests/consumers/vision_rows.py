"""Run by a test in a process of its own: rows as torchvision, timm and Ultralytics make them.

Usage: python vision_rows.py OUT.npz IMAGE...

Rows of each way stand under its name, one after another. torchvision's compiled half, which no
transform needs, is left out, so that its version need not be torch's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

OBLONG = (160, 224)


def find_packages() -> None:
    """Make packages importable that may not stand among the others; see `requirements.txt`."""
    if folder := os.environ.get("STREAMCALIB_VISION"):
        sys.path.append(folder)
    name = "torchvision._meta_registrations"
    sys.modules[name] = ModuleType(name)


def pil_ways() -> dict:
    """Return transforms of an image that is read with Pillow."""
    import torchvision.transforms as T  # noqa: N812
    from timm.data import create_transform
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    return {
        "torchvision": ImageClassification(crop_size=224),
        "torchvision-232": ImageClassification(crop_size=224, resize_size=232),
        "torchvision-bicubic": ImageClassification(
            crop_size=480,
            resize_size=480,
            interpolation=InterpolationMode.BICUBIC,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
        ),
        "torchvision-oblong": T.Compose(
            [
                T.Resize(90),
                T.CenterCrop(OBLONG),
                T.ToTensor(),
                T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        ),
        "timm": create_transform(224, interpolation="bicubic", crop_pct=0.875),
        "timm-0.95": create_transform(
            224,
            interpolation="bicubic",
            crop_pct=0.95,
            mean=(0.48145466, 0.4578275, 0.40821073),
            std=(0.26862954, 0.26130258, 0.27577711),
        ),
        "timm-bilinear": create_transform(160, interpolation="bilinear", crop_pct=0.9),
        "timm-squash": create_transform(
            224, interpolation="bicubic", crop_pct=1.0, crop_mode="squash"
        ),
        "rtdetr-original": T.Compose([T.Resize((640, 640)), T.ToTensor()]),
    }


def predictors(half: bool) -> dict:
    """Return Ultralytics' own preprocessing of an image that is read with OpenCV."""
    import torch
    import torchvision.transforms as T  # noqa: N812
    from ultralytics.data.augment import LetterBox, classify_transforms
    from ultralytics.engine.predictor import BasePredictor
    from ultralytics.models.yolo.classify import ClassificationPredictor

    common = {"model": SimpleNamespace(fp16=half), "device": torch.device("cpu")}

    def classifying(size):
        predictor = object.__new__(ClassificationPredictor)
        transforms = classify_transforms(size)
        predictor.__dict__.update(
            common,
            transforms=transforms,
            host_transforms=T.Compose(transforms.transforms[:2]),
            device_transform=transforms.transforms[-1],
        )
        return lambda image: predictor.preprocess([image])[0]

    def stretching(size):
        letterbox = LetterBox(size, auto=False, scale_fill=True)
        predictor = SimpleNamespace(
            **common, pre_transform=lambda images: [letterbox(image=each) for each in images]
        )
        return lambda image: BasePredictor.preprocess(predictor, [image])[0]

    return {
        "yolo11-cls": classifying((224, 224)),
        "yolo11-cls-oblong": classifying(OBLONG),
        "rtdetr-ultralytics": stretching((640, 640)),
        "rtdetr-ultralytics-oblong": stretching(OBLONG),
    }


def main() -> None:
    find_packages()
    import cv2
    import numpy as np
    from PIL import Image

    out, *paths = map(Path, sys.argv[1:])
    arrays: dict[str, list] = {}
    ways = pil_ways()
    for path in paths:
        for name, transform in ways.items():
            with Image.open(path) as file:
                arrays.setdefault(name, []).append(transform(file.convert("RGB")).numpy())
    for half in (False, True):
        for name, preprocess in predictors(half).items():
            for path in paths:
                image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
                key = f"{name}-half" if half else name
                arrays.setdefault(key, []).append(preprocess(image).numpy())
    np.savez(out, **{name: np.stack(rows) for name, rows in arrays.items()})


if __name__ == "__main__":
    main()
