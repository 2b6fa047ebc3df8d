"""Rows dealt out: which of them go to one worker together, and as what task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.building.worker import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def edges_of(rows: NDArray[np.int64], together: int) -> Sequence[int]:
    """Return the places, ascending, between which rows go to one worker, first and last included.

    Ascending ``rows`` from a multiple of ``together`` to the next belong together.
    """
    if together == 1 or not len(rows):
        return range(len(rows) + 1)
    inner = np.flatnonzero(np.diff(rows // together)) + 1
    return [0, *inner.tolist(), len(rows)]


def task_of(rows: Any, images: Sequence[str]) -> Task:
    """Return the task of some rows of the list, ascending."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows):
        # Mostly so, and smaller to send.
        return Task(range(first, last + 1), range(first, last + 1), images[first : last + 1])
    numbers = rows.tolist()
    return Task(numbers, numbers, [images[row] for row in numbers])
