"""Sets for tests of consumers: the same rows in every kind of store, and as a plain array."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

import smallsets
from streamcalib import CalibrationSet, build, finalize
from streamcalib.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ("float32.npy", "uint8.npy", "canvases.zarr")
"""What a set can be stored as: final values, canvases, and canvases in shards."""


def installed(*packages: str) -> bool:
    """Whether packages are there to be imported."""
    return all(find_spec(package) is not None for package in packages)


def marks(marker: str, *packages: str) -> list[pytest.MarkDecorator]:
    """Return the marks of a module whose tests need packages besides those of all tests."""
    reason = f"{' and '.join(packages)} must be installed"
    return [
        getattr(pytest.mark, marker),
        pytest.mark.skipif(not installed(*packages), reason=reason),
    ]


class Sets(NamedTuple):
    """One choice of images in all stores, and its rows (N, 3, side, side) by OpenCV and numpy."""

    folder: Path
    rows: np.ndarray

    def open(self, kind: str) -> CalibrationSet:
        return CalibrationSet.open(self.folder / kind)

    @property
    def last(self) -> np.ndarray:
        """The rows with channels last, (N, side, side, 3)."""
        return np.ascontiguousarray(self.rows.transpose(0, 2, 3, 1))


def make_sets(folder: Path, count: int, side: int = 32) -> Sets:
    """Build a set of ``count`` little JPEGs in every store."""
    folder.mkdir(exist_ok=True)
    paths = smallsets.make_images(folder / "images", count)
    recipe = Recipe.yolo11(side)
    build(paths, folder / "float32.npy", recipe=recipe, jobs=1)
    canvases = build(paths, folder / "uint8.npy", recipe=recipe, store="uint8", jobs=1)
    finalize(canvases, folder / "canvases.zarr")
    return Sets(folder, smallsets.rows(paths, side))


class PlainReader:
    """What everybody writes: a list of feeds in memory, for ONNX Runtime and its relatives."""

    def __init__(self, feeds: list[dict[str, np.ndarray]]) -> None:
        self.feeds = feeds
        self.rewind()

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._rest, None)

    def rewind(self) -> None:
        self.set_range(0, len(self.feeds))

    def __len__(self) -> int:
        return len(self.feeds)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._rest: Iterator[dict[str, np.ndarray]] = iter(self.feeds[start_index:end_index])


def feeds(rows: np.ndarray, batch_size: int = 1) -> list[dict[str, np.ndarray]]:
    """Return rows as feeds of a graph whose input is ``images``."""
    starts = range(0, len(rows), batch_size)
    return [{"images": rows[start : start + batch_size].copy()} for start in starts]
