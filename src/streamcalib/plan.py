"""The plan of a build: pure arithmetic, which refuses what cannot fit before a byte is written."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np

from streamcalib.errors import InputError, PlanError
from streamcalib.stores.npy import HEADER_BYTES
from streamcalib.stores.sharding import Sharding, index_bytes
from streamcalib.stores.zarr_layout import ZarrLayout
from streamcalib.wording import in_units

if TYPE_CHECKING:
    from streamcalib.manifest import StoreKind
    from streamcalib.recipe import Recipe
    from streamcalib.stores.compression import Compression

Container = Literal["npy", "npz", "zarr"]

# A worker's anonymous memory, as measured on Linux at a tiny canvas with images of COCO's size: the
# interpreter with numpy and OpenCV, and one file with its decoded image.
_WORKER_BASE_BYTES = 40 * 2**20
_IMAGE_BYTES = 4 * 2**20
# Canvases that are encoded and written at once; half of a small second-level cache.
_TOGETHER_BYTES = 2**18
_PUBLISHING_BYTES = 2**20
_MANIFEST_BYTES_PER_ROW = 300


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a build will do, in bytes.

    Attributes
    ----------
    rows, row_shape, dtype
        The values that the model sees: ``(rows, *row_shape)``.
    canvas_shape
        ``(3, H, W)``, of ``uint8``.
    container
        ``npy``, ``npz`` or ``zarr``.
    store
        What the finished set holds.
    jobs
        Number of workers.
    free_bytes
        Free space on the output's volume; None if that cannot be told.
    compression
        Of a zarr array's chunks.
    """

    rows: int
    row_shape: tuple[int, int, int]
    dtype: str
    canvas_shape: tuple[int, int, int]
    container: Container
    store: StoreKind
    jobs: int
    free_bytes: int | None
    compression: Compression = "none"

    @property
    def staged(self) -> StoreKind:
        """What workers write; an ``.npz`` is encoded on its way out of the staging store."""
        if self.container != "npz":
            return self.store
        same = (self.row_shape, self.dtype) == (self.canvas_shape, "uint8")
        return "final" if same else "uint8"

    @property
    def staged_row(self) -> tuple[tuple[int, int, int], str]:
        """Shape and dtype of a row that workers write."""
        if self.staged == "uint8":
            return self.canvas_shape, "uint8"
        return self.row_shape, self.dtype

    @property
    def stored_row(self) -> tuple[tuple[int, int, int], str]:
        """Shape and dtype of a row in the finished set."""
        if self.store == "uint8":
            return self.canvas_shape, "uint8"
        return self.row_shape, self.dtype

    @property
    def zarr(self) -> ZarrLayout | None:
        """The finished array's layout, if it is a zarr array."""
        if self.container != "zarr":
            return None
        return ZarrLayout(
            shape=self.shape,
            dtype=self.stored_row[1],
            sharding=Sharding.of(self.rows, self.row_bytes),
            compression=self.compression,
        )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the finished array on disk."""
        return (self.rows, *self.stored_row[0])

    @property
    def row_bytes(self) -> int:
        """Size of a row in the finished set, in bytes."""
        return _bytes(*self.stored_row)

    @property
    def file_bytes(self) -> int:
        """Size of the finished file, in bytes (of an ``.npz``, to within a page or two).

        Of a zarr array, before compression.
        """
        if self.zarr is not None:
            index = index_bytes(self.zarr.sharding.chunks)
            return self.rows * self.row_bytes + len(self.zarr.shard_names) * index + HEADER_BYTES
        pages = 1 if self.container == "npy" else 3
        return pages * HEADER_BYTES + self.rows * self.row_bytes

    @property
    def needed_bytes(self) -> int:
        """Disk space a build takes at its peak: an ``.npz`` is made from a staging store."""
        side_files = _PUBLISHING_BYTES + self.rows * _MANIFEST_BYTES_PER_ROW
        needed = self.file_bytes + side_files
        if self.container == "npz":
            needed += HEADER_BYTES + self.rows * _bytes(*self.staged_row)
        return needed

    @property
    def rows_at_once(self) -> int:
        """How many rows a worker encodes and writes together."""
        return max(1, _TOGETHER_BYTES // prod(self.canvas_shape))

    @property
    def projected_memory_bytes(self) -> int:
        """Anonymous memory of all workers together, for images of common size; not of the set."""
        canvas_bytes = prod(self.canvas_shape)
        together = self.rows_at_once * (canvas_bytes + _bytes(*self.staged_row))
        if self.zarr is not None and self.free_bytes is None:
            # What is put behind a URL is put as a whole.
            together += self.zarr.sharding.shard_rows * self.row_bytes
        return self.jobs * (_WORKER_BASE_BYTES + _IMAGE_BYTES + canvas_bytes + together)


def chosen_store(
    asked: StoreKind | None, container: Container, compression: Compression
) -> StoreKind:
    """Return what a set is to hold: what is asked for, or canvases in a ``.zarr``, else values.

    Raises
    ------
    InputError
        If such a set cannot hold it, or cannot be compressed.
    """
    store = asked or ("uint8" if container == "zarr" else "final")
    if compression != "none" and container != "zarr":
        raise InputError(
            f"--compression {compression} needs a .zarr output: an .{container} is mapped as it is."
        )
    if store == "uint8" and container == "npz":
        raise InputError(
            "--store uint8 needs an .npy or .zarr output: an .npz is for the quantizer, which "
            "takes final values only. Write an .npy or .zarr, and finalize that to an .npz."
        )
    return store


def make_plan(
    *,
    rows: int,
    recipe: Recipe,
    container: Container,
    jobs: int,
    free_bytes: int | None,
    store: StoreKind = "final",
    compression: Compression = "none",
    check: bool = True,
) -> Plan:
    """Plan a build; unless told not to ``check`` it, make sure that the disk holds it.

    Raises
    ------
    PlanError
        If there is no row or no worker, or the disk is too small; the message shows the sizes.
    """
    if rows < 1:
        raise PlanError("there is nothing to build: no image was given or asked for.")
    if jobs < 1:
        raise PlanError(f"--jobs must be at least 1, not {jobs}.")
    plan = Plan(
        rows=rows,
        row_shape=recipe.row_shape,
        dtype=recipe.dtype,
        canvas_shape=(3, recipe.height, recipe.width),
        container=container,
        store=store,
        jobs=min(jobs, rows),
        free_bytes=free_bytes,
        compression=compression,
    )
    # How small a compressed array becomes, only its images tell.
    if check and compression == "none":
        check_space(plan.needed_bytes, free_bytes, rows)
    return plan


def _bytes(shape: tuple[int, ...], dtype: str) -> int:
    return prod(shape) * np.dtype(dtype).itemsize


def check_space(needed_bytes: int, free_bytes: int | None, rows: int) -> None:
    """Refuse what does not fit the disk.

    Raises
    ------
    PlanError
        If more is needed than is free; the message shows both, and how many rows would fit.
    """
    if free_bytes is not None and needed_bytes > free_bytes:
        fitting = max(0, free_bytes - _PUBLISHING_BYTES) * rows // needed_bytes
        raise PlanError(
            f"not enough disk space: {rows} rows need {in_units(needed_bytes)}, and "
            f"{in_units(free_bytes)} are free. About {fitting} rows would fit; or write to "
            "another volume, or choose a smaller --imgsz or --dtype."
        )
