"""Rows against Ultralytics' own LetterBox and predictor preprocessing, from the real package."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamcalib import Recipe
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder

needs_ultralytics = pytest.mark.skipif(
    importlib.util.find_spec("ultralytics") is None or importlib.util.find_spec("torch") is None,
    reason="ultralytics and torch are not installed",
)
SHAPES = ((1, 1), (3000, 1), (1, 3000), (33, 47), (480, 640), (641, 639), (640, 640), (100, 1000))


@pytest.fixture(scope="module")
def image_files(tmp_path_factory, photographs) -> list[Path]:
    """Real photographs, and made ones of awkward sizes."""
    folder = tmp_path_factory.mktemp("images")
    paths = []
    for name, data in photographs.items():
        paths.append(folder / name)
        paths[-1].write_bytes(data)
    generator = np.random.default_rng(1)
    for height, width in SHAPES:
        noise = generator.integers(0, 256, (height, width, 3), np.uint8)
        paths.append(folder / f"{height}x{width}.jpg")
        paths[-1].write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
    return paths


@pytest.mark.ultralytics
@needs_ultralytics
@pytest.mark.parametrize("size", [(640, 640), (320, 640), (33, 65)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_rows_equal_the_predictors(tmp_path, image_files, size):
    """float32 and float16 rows have not one element that differs from the predictor's."""
    script = Path(__file__).with_name("ultralytics_rows.py")
    out = tmp_path / "rows.npz"
    environment = {"YOLO_CONFIG_DIR": str(tmp_path), "YOLO_OFFLINE": "true"}
    subprocess.run(
        [sys.executable, str(script), str(out), *map(str, size), *map(str, image_files)],
        check=True,
        env={**os.environ, **environment},
        timeout=300,
    )
    with np.load(out) as reference:
        for dtype in ("float32", "float16"):
            maker = RowMaker(Recipe.yolo11(size, dtype=dtype), find_decoder())
            for path, expected in zip(image_files, reference[dtype], strict=True):
                row, _ = maker.make(path.read_bytes())
                assert row.dtype == expected.dtype
                assert row.tobytes() == expected.tobytes(), path.name
