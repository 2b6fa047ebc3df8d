"""Processes of several threads each: an arrangement that builds do not have, to compare it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import joblib

from benchmarks.listed import read_list
from streamcalib import Recipe
from streamcalib.building.worker import Task, Work, make_rows
from streamcalib.durable import sync
from streamcalib.pixels.decode import MAX_PIXELS
from streamcalib.stores.npy import NpyStore
from streamcalib.stores.writeback import CACHE_WINDOW_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.builds import Store
    from benchmarks.rounds import Turn

_ROWS_A_THREAD = 64
_ROWS_A_CALL = 8
# As builds have it, so that what is compared is the arrangement alone.
_MANY_WORKERS = 8


def work(list_file: str, out: str, imgsz: int, store: Store, jobs: int, threads: int) -> Turn:
    """Make rows with ``jobs`` threads, ``threads`` a process; timed as a build, but no manifest."""
    entries = read_list(list_file)
    recipe = Recipe.yolo11(imgsz)
    start = time.perf_counter()
    shape, dtype = recipe.row_shape, recipe.dtype if store == "final" else "uint8"
    target = NpyStore(path=Path(out), rows=len(entries), row_shape=shape, dtype=dtype)
    target.create()
    common = Work(
        build=uuid4().hex,
        recipe=recipe,
        store=target,
        encodes=store == "final",
        rows_at_once=1,
        window_bytes=CACHE_WINDOW_BYTES // jobs,
        bases=(),
        decoder="auto",
        max_pixels=MAX_PIXELS,
        tolerate_damage=False,
        own_process=True,
        mapped=jobs >= _MANY_WORKERS,
    )
    step = _ROWS_A_THREAD * threads
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        joblib.Parallel(n_jobs=max(1, jobs // threads), batch_size=1)(
            joblib.delayed(_make_side_by_side)(
                common, first, entries[first : first + step], threads
            )
            for first in range(0, len(entries), step)
        )
    sync(target.path)
    seconds = time.perf_counter() - start
    return {"rate": len(entries) / seconds, "seconds": seconds, "rows": len(entries)}


def _make_side_by_side(common: Work, first: int, entries: Sequence[str], threads: int) -> None:
    def make(start: int) -> int:
        part = entries[start : start + _ROWS_A_CALL]
        rows = range(first + start, first + start + len(part))
        return len(make_rows(common, Task(rows, rows, part)).made.rows)

    made = sum(_pool(threads).map(make, range(0, len(entries), _ROWS_A_CALL)))
    if made != len(entries):
        raise ValueError(f"{len(entries) - made} images are bad")


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
