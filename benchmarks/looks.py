"""Choices by what images look like, without a model, to hold the strategies against."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.errors import AbsentError
from streamcalib.pixels.opencv_threads import one_opencv_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SIDE = 64
_GRID = 4
_COLOURS = 4


def looks(paths: Sequence[str]) -> NDArray[np.float64]:
    """Return cheap features of images, each with mean 0 and deviation 1 over them: (N, 92).

    Means and deviations of the channels, a histogram of 4x4x4 colours, brightness on a grid of
    4x4, and quantiles of the gradient's magnitude; of the image shrunk to 64x64.
    """
    with one_opencv_thread():
        found = np.stack([_look(Path(path)) for path in paths])
    deviation = found.std(0)
    standard: NDArray[np.float64] = (found - found.mean(0)) / np.where(deviation > 0, deviation, 1)
    return standard


def _look(path: Path) -> NDArray[np.float64]:
    image = cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_4)
    if image is None:
        raise AbsentError(f"{path} cannot be decoded")
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    grey = small.mean(2)
    bins = [_COLOURS] * 3
    colours, _ = np.histogramdd(small.reshape(-1, 3), bins, [(0, 1)] * 3)
    grid = cv2.resize(grey, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    steps = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    quantiles = np.quantile(steps, (0.1, 0.3, 0.5, 0.7, 0.9, 0.99))
    parts = (small.mean((0, 1)), small.std((0, 1)), colours.ravel() / _SIDE**2, grid.ravel())
    return np.concatenate([*parts, quantiles]).astype(np.float64)


def k_center(features: NDArray[np.float64], count: int, seed: int) -> list[int]:
    """Take again and again the image that is farthest from all that were taken."""
    chosen = [random.Random(seed).randrange(len(features))]  # noqa: S311
    nearest = np.linalg.norm(features - features[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(features - features[chosen[-1]], axis=1))
    return chosen


def medoids(features: NDArray[np.float64], count: int, seed: int) -> list[int]:
    """Take the image that is nearest to each centre of k-means, none twice."""
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise AbsentError("k-means needs scikit-learn: pip install scikit-learn") from error
    centres = KMeans(count, n_init=3, random_state=seed).fit(features).cluster_centers_
    distances = np.linalg.norm(features[:, None] - centres[None], axis=2)
    chosen: list[int] = []
    for column in distances.T:
        column[chosen] = np.inf
        chosen.append(int(column.argmin()))
    return chosen


def herd(features: NDArray[np.float64], count: int) -> list[int]:
    """Take again and again the image that brings the mean of those taken nearest to that of all."""
    total, chosen = np.zeros(features.shape[1]), []
    free = np.ones(len(features), bool)
    for number in range(count):
        ahead = (total + features) / (number + 1) - features.mean(0)
        distances = np.where(free, np.linalg.norm(ahead, axis=1), np.inf)
        chosen.append(int(distances.argmin()))
        free[chosen[-1]] = False
        total += features[chosen[-1]]
    return chosen
