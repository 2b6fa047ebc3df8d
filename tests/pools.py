"""Pools of small pictures of several kinds, for choices by what a model makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

KINDS = 4


def write_pool(folder: Path, count: int, side: int = 64, seed: int = 5) -> list[str]:
    """Write JPEGs of `KINDS` kinds, more of the first than of the last; returns sorted paths.

    Kinds differ in brightness, contrast and grain, so few of them chosen at random are seldom in
    the pool's proportion.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        kind = min(int(generator.geometric(0.45)) - 1, KINDS - 1)
        base, grain = (40 + 60 * kind, 4 + 14 * kind)
        coarse = generator.normal(0, grain, (side // 8, side // 8, 3))
        picture = (
            base + cv2.resize(coarse, (side, side)) + generator.normal(0, grain, (side, side, 3))
        )
        path = folder / f"{number:04d}_{kind}.jpg"
        path.write_bytes(cv2.imencode(".jpg", picture.clip(0, 255).astype(np.uint8))[1].tobytes())
        paths.append(path.as_posix())
    return sorted(paths)
