"""Pictures made smaller, the fast way first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def halved(plane: NDArray[np.uint8], least: int) -> NDArray[np.uint8]:
    """Return a plane (H, W) halved as long as its sides are even and stay at least ``least``.

    OpenCV halves ten times as fast as it shrinks by other ratios.
    """
    height, width = plane.shape
    while not (height % 2 or width % 2) and min(height, width) >= 2 * least:
        height, width = height // 2, width // 2
        plane = np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA))
    return plane
