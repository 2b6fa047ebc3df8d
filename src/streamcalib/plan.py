"""The plan of a build: pure arithmetic, which refuses what cannot fit before a byte is written."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np

from streamcalib.errors import PlanError
from streamcalib.stores.npy import HEADER_BYTES
from streamcalib.wording import in_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.recipe import Recipe

Container = Literal["npy", "npz"]

# A worker's anonymous memory, as measured on Linux at a tiny canvas with images of COCO's size: the
# interpreter with numpy and OpenCV, and one file with its decoded image.
_WORKER_BASE_BYTES = 40 * 2**20
_IMAGE_BYTES = 4 * 2**20
_MOST_ROWS_PER_TASK = 32
_TASKS_PER_WORKER = 8
_PUBLISHING_BYTES = 2**20
_MANIFEST_BYTES_PER_ROW = 300


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a build will do, in bytes.

    Attributes
    ----------
    rows, row_shape, dtype
        The array: ``(rows, *row_shape)``.
    container
        ``npy`` or ``npz``.
    jobs
        Number of workers.
    rows_per_task
        How many rows a worker makes before it reports.
    free_bytes
        Free space on the output's volume.
    """

    rows: int
    row_shape: tuple[int, int, int]
    dtype: str
    container: Container
    jobs: int
    rows_per_task: int
    free_bytes: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the whole array."""
        return (self.rows, *self.row_shape)

    @property
    def row_bytes(self) -> int:
        """Size of a row, in bytes."""
        return prod(self.row_shape) * np.dtype(self.dtype).itemsize

    @property
    def file_bytes(self) -> int:
        """Size of the finished file, in bytes (of an ``.npz``, to within a page or two)."""
        pages = 1 if self.container == "npy" else 3
        return pages * HEADER_BYTES + self.rows * self.row_bytes

    @property
    def needed_bytes(self) -> int:
        """Disk space a build takes at its peak: an ``.npz`` is copied from its staging file."""
        copies = 1 if self.container == "npy" else 2
        side_files = _PUBLISHING_BYTES + self.rows * _MANIFEST_BYTES_PER_ROW
        return copies * self.file_bytes + side_files

    @property
    def projected_memory_bytes(self) -> int:
        """Anonymous memory of all workers together, for images of common size; not of the set."""
        canvas_values = prod(self.row_shape)
        return self.jobs * (_WORKER_BASE_BYTES + _IMAGE_BYTES + 2 * canvas_values + self.row_bytes)

    def tasks(self) -> Iterator[range]:
        """Yield disjoint ranges of rows, in order, that cover every row exactly once."""
        for start in range(0, self.rows, self.rows_per_task):
            yield range(start, min(start + self.rows_per_task, self.rows))


def make_plan(
    *, rows: int, recipe: Recipe, container: Container, jobs: int, free_bytes: int
) -> Plan:
    """Plan a build.

    Raises
    ------
    PlanError
        If there is no row or no worker, or the disk is too small; the message shows the sizes.
    """
    if rows < 1:
        raise PlanError("there is nothing to build: no image was given or asked for.")
    if jobs < 1:
        raise PlanError(f"--jobs must be at least 1, not {jobs}.")
    share = -(-rows // (jobs * _TASKS_PER_WORKER))
    plan = Plan(
        rows=rows,
        row_shape=recipe.row_shape,
        dtype=recipe.dtype,
        container=container,
        jobs=min(jobs, rows),
        rows_per_task=max(1, min(_MOST_ROWS_PER_TASK, share)),
        free_bytes=free_bytes,
    )
    check_space(plan.needed_bytes, free_bytes, rows)
    return plan


def check_space(needed_bytes: int, free_bytes: int, rows: int) -> None:
    """Refuse what does not fit the disk.

    Raises
    ------
    PlanError
        If more is needed than is free; the message shows both, and how many rows would fit.
    """
    if needed_bytes > free_bytes:
        fitting = max(0, free_bytes - _PUBLISHING_BYTES) * rows // needed_bytes
        raise PlanError(
            f"not enough disk space: {rows} rows need {in_units(needed_bytes)}, and "
            f"{in_units(free_bytes)} are free. About {fitting} rows would fit; or write to "
            "another volume, or choose a smaller --imgsz or --dtype."
        )
