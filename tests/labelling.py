"""Labels made for tests: pools whose classes are as unevenly frequent as those of data sets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.choosing.labels.labels import Labels, labelled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def zipf_names(images: int, classes: int, seed: int, mean_further: float) -> list[list[str]]:
    """Return class names of images; class k is drawn in proportion to 1/k.

    Each image draws once, and ``mean_further`` times more on average; one in fifty shows nothing.
    """
    generator = np.random.default_rng(seed)
    weights = 1 / np.arange(1, classes + 1)
    weights /= weights.sum()
    names = []
    for _ in range(images):
        draws = 1 + generator.poisson(mean_further)
        found = set(generator.choice(classes, draws, p=weights).tolist())
        names.append([] if generator.random() < 0.02 else [f"class{k:03d}" for k in sorted(found)])
    return names


def zipf_labels(images: int, classes: int, seed: int, mean_further: float) -> Labels:
    """Return the labels of `zipf_names`."""
    return labelled(zipf_names(images, classes, seed, mean_further))


def coco_json(names: Sequence[str], classes: Sequence[Sequence[str]], **further: Any) -> str:
    """Return annotations in COCO's format, in COCO's order, one box a class and image.

    The categories have numbers with gaps, as COCO's have.
    """
    numbers = {name: 3 * n + 1 for n, name in enumerate(sorted({c for cs in classes for c in cs}))}
    box = {"bbox": [1.5, 2.5, 3.25, 4.0], "segmentation": [[1.0, 2.0, 3.5, 4.5]], "iscrowd": 0}
    annotations = [
        {"id": 7 * number, "image_id": 100 + number, "category_id": numbers[name], **box}
        for number, of_image in enumerate(classes)
        for name in of_image
    ]
    return json.dumps(
        {
            "info": {"description": "made for a test", "years": [2017]},
            "licenses": [],
            "images": [
                {"license": 1, "file_name": name, "height": 4, "id": 100 + number}
                for number, name in enumerate(names)
            ],
            "annotations": annotations,
            "categories": [{"id": n, "name": name} for name, n in numbers.items()],
            **further,
        }
    )


def empty_images(folder: Path, names: Sequence[str]) -> list[str]:
    """Make files that are images by name, and return their paths, sorted."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return sorted(str(folder / name) for name in names)
