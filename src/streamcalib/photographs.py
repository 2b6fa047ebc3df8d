"""Photographs made on the spot: they cost a decoder what COCO's do, and need no data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from streamcalib.durable import replaced

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Heights and widths in pixels with their share, as in COCO train2017, rounded.
_SIZES = ((480, 640), (640, 480), (427, 640), (640, 427), (426, 640), (640, 640), (375, 500))
_SHARES = (0.45, 0.15, 0.16, 0.06, 0.08, 0.04, 0.06)
_OCTAVES = 8
_QUALITY = 93
# Grain that brings the mean file to COCO's 165 kB at this quality.
_GRAIN = 8.0


def make_photographs(folder: Path, count: int, seed: int) -> None:
    """Write ``count`` JPEG files of COCO-like sizes and weights; those already there stay.

    Names, sizes and pixels depend on ``seed`` and the number in the name alone.
    """
    for number in range(count):
        path = folder / f"{number:012d}.jpg"
        if not path.exists():
            generator = np.random.default_rng([abs(seed), int(seed < 0), number])
            with replaced(path) as part:
                part.write_bytes(_jpeg(generator))


def photograph(height: int, width: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture (height, width, 3) BGR that costs a decoder what a photograph does.

    Noise in octaves, as strong at each scale as in natural images, a few objects with edges, and
    the grain of a sensor.
    """
    image = np.full((height, width, 3), 110, np.float32)
    image += generator.normal(0, 25, 3).astype(np.float32)
    for octave in range(_OCTAVES):
        cells = (2**octave + 2, 2**octave + 2, 3)
        coarse = generator.normal(0, 45 / (octave + 1) ** 1.2, cells).astype(np.float32)
        image += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(generator.integers(3, 12))):
        _draw_object(image, generator)
    image += generator.normal(0, _GRAIN, image.shape).astype(np.float32)
    return image.clip(0, 255).astype(np.uint8)


def _draw_object(image: NDArray[np.float32], generator: np.random.Generator) -> None:
    height, width = image.shape[:2]
    shape = np.zeros((height, width), np.uint8)
    center = (int(generator.integers(width)), int(generator.integers(height)))
    axes = (int(generator.integers(8, width // 4)), int(generator.integers(8, height // 4)))
    cv2.ellipse(shape, center, axes, float(generator.uniform(0, 180)), 0, 360, (1,), -1)
    image[shape.astype(bool)] += generator.normal(0, 45, 3).astype(np.float32)


def _jpeg(generator: np.random.Generator) -> bytes:
    height, width = _SIZES[generator.choice(len(_SIZES), p=_SHARES)]
    full_colour = generator.random() < 0.5
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        if full_colour
        else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    )
    settings = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, data = cv2.imencode(".jpg", photograph(height, width, generator), settings)
    return data.tobytes()
