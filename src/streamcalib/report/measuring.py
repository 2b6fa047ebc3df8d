"""What is measured of one canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from streamcalib.report.likeness import hashes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.recipe import Recipe

LEVELS = 256
# Rec. 601, as JPEG has it.
_LUMA = {"R": 0.299, "G": 0.587, "B": 0.114}
_GRID = 8


class Measured(NamedTuple):
    """A picture in numbers; padding is left out.

    Attributes
    ----------
    brightness
        Mean luma, 0..255.
    contrast
        Standard deviation of the values about their channel's mean, the largest of all channels.
    means
        Mean of each channel, 0..255, in the recipe's order.
    is_colourless
        Whether the channels are the same.
    hashes
        Perceptual hashes of the picture.
    """

    brightness: float
    contrast: float
    means: tuple[float, ...]
    is_colourless: bool
    hashes: bytes


def channel_names(recipe: Recipe) -> tuple[str, ...]:
    """Return the letters of a recipe's channels, in its order."""
    return tuple(recipe.channel_order)


def level_counts(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how often each value stands in each channel of a picture (C, H, W): (C, 256)."""
    return np.stack(
        [cv2.calcHist([plane], [0], None, [LEVELS], [0, LEVELS]).ravel() for plane in picture]
    ).astype(np.int64)


def measure(
    picture: NDArray[np.uint8], counts: NDArray[np.int64], names: tuple[str, ...]
) -> Measured:
    """Measure a picture (C, H, W), whose `level_counts` are these and channels have these names."""
    levels = np.arange(LEVELS)
    pixels = counts.sum(axis=1)
    means = counts @ levels / pixels
    spread = np.sqrt(np.maximum(counts @ levels**2 / pixels - means**2, 0))
    weights = np.array([_LUMA.get(name, 1.0) for name in names])
    weights /= weights.sum()
    return Measured(
        brightness=float(means @ weights),
        contrast=float(spread.max()),
        means=tuple(means.tolist()),
        is_colourless=_is_colourless(picture),
        hashes=hashes_of(picture, weights),
    )


def _is_colourless(picture: NDArray[np.uint8]) -> bool:
    first, *others = picture[:, ::_GRID, ::_GRID]
    # A grid first: nearly every photograph is told by it.
    if any(not np.array_equal(first, other) for other in others):
        return False
    return all(np.array_equal(picture[0], other) for other in picture[1:])
