"""Boxes in the output of a detector as Ultralytics exports it, and how two outputs' boxes agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEAST_SCORE = 0.25
"""Boxes below are no detections, as Ultralytics' predictor has it."""
LEAST_OVERLAP = 0.5
"""Intersection over union from which two boxes are the same."""

_NMS_OVERLAP = 0.7
_STRIDES = (8, 16, 32)


class Boxes(NamedTuple):
    """Detections in one image, best first.

    Attributes
    ----------
    corners
        Left, top, width and height in pixels of the canvas: (B, 4).
    classes, scores
        (B,) each.
    """

    corners: NDArray[np.float64]
    classes: NDArray[np.int64]
    scores: NDArray[np.float64]


class Agreement(NamedTuple):
    """How the boxes of two outputs agree.

    Attributes
    ----------
    reference, other
        How many boxes each has.
    matched
        How many pairs there are of the same class, overlapping by `LEAST_OVERLAP`.
    score_difference
        Sum over the pairs of how much their scores differ.
    """

    reference: int
    other: int
    matched: int
    score_difference: float


def is_detector(shapes: Sequence[tuple[int, ...]], height: int, width: int) -> bool:
    """Whether outputs are one of boxes and class scores, (1, 4 + classes, places), in pixels."""
    places = sum((height // stride) * (width // stride) for stride in _STRIDES)
    if len(shapes) != 1 or len(shapes[0]) != 3:
        return False
    return shapes[0][0] == 1 and shapes[0][1] > 4 and shapes[0][2] == places


def holds_scores(output: NDArray[Any]) -> bool:
    """Whether all but the boxes of an output (1, 4 + classes, places) may be scores, 0 to 1.

    Key points and angles, which other exports of the same shape have there, are not.
    """
    scores = output[0, 4:]
    return bool(((scores >= 0) & (scores <= 1)).all())


def boxes_of(output: NDArray[Any]) -> Boxes:
    """Return the detections in an output (1, 4 + classes, places), less those suppressed.

    Boxes whose sides or scores are no finite numbers are none.
    """
    values = output[0].astype(np.float64)
    scores, classes = values[4:].max(0), values[4:].argmax(0)
    held = np.flatnonzero((scores >= LEAST_SCORE) & np.isfinite(values).all(0))
    x, y, width, height = values[:4, held]
    corners = np.stack([x - width / 2, y - height / 2, width, height], 1)
    kept = cv2.dnn.NMSBoxesBatched(
        corners.tolist(),
        scores[held].tolist(),
        classes[held].tolist(),
        LEAST_SCORE,
        _NMS_OVERLAP,
    )
    order = np.array(kept, np.int64).reshape(-1)
    order = order[np.argsort(-scores[held][order], kind="stable")]
    return Boxes(corners[order], classes[held][order], scores[held][order])


def agreement(reference: Boxes, other: Boxes) -> Agreement:
    """Match boxes one to one, the reference's best first, each with the one it overlaps most."""
    free = np.ones(len(other.scores), bool)
    matched, difference = 0, 0.0
    for corners, kind, score in zip(*reference, strict=True):
        overlaps = np.where(free & (other.classes == kind), _overlaps(corners, other.corners), 0)
        if not len(overlaps) or overlaps.max() < LEAST_OVERLAP:
            continue
        best = int(overlaps.argmax())
        free[best] = False
        matched += 1
        difference += abs(float(score - other.scores[best]))
    return Agreement(len(reference.scores), len(other.scores), matched, difference)


def _overlaps(one: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union of a box with each of others."""
    low = np.maximum(one[:2], others[:, :2])
    high = np.minimum(one[:2] + one[2:], others[:, :2] + others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    union = one[2:].prod() + others[:, 2:].prod(1) - shared
    found: NDArray[np.float64] = shared / np.where(union > 0, union, 1.0)
    return found
