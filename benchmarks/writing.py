"""The other ceiling: rows that are ready, written behind, with no decoding at all."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.children import run_child
from benchmarks.outputs import output_folder
from benchmarks.rounds import Contestant, Turn
from streamcalib.stores.writeback import CACHE_WINDOW_BYTES, WriteBehind, reserve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.settings import Settings

_ROWS_PER_TASK = 8


def contestant(name: str, settings: Settings, rows: int, row_bytes: int) -> Contestant:
    """Return the writing of ``rows`` ready rows of ``row_bytes`` bytes."""

    def measure() -> Turn:
        with output_folder(settings) as folder:
            return run_child(
                "write",
                path=folder / "rows.bin",
                rows=rows,
                row_bytes=row_bytes,
                jobs=settings.jobs,
            )

    return Contestant(name, measure)


def work(path: str, rows: int, row_bytes: int, jobs: int) -> Turn:
    """Write ready rows and flush them; timed from the file's creation to the end of its fsync."""
    row = np.random.default_rng(1).integers(0, 256, row_bytes, np.uint8)
    start = time.perf_counter()
    write_ready_rows(Path(path), rows, row.data, jobs)
    seconds = time.perf_counter() - start
    return {"rate": rows / seconds, "seconds": seconds, "rows": rows}


def write_ready_rows(path: Path, rows: int, row: memoryview, jobs: int) -> None:
    """Write a row ``rows`` times with ``jobs`` threads into a file of its final size.

    Behind each thread its ranges are flushed and dropped from the page cache, as behind a worker
    of a build. Returns when all is on disk.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        reserve(file, rows * len(row))
        tasks = iter(range(0, rows, _ROWS_PER_TASK))
        window_bytes = CACHE_WINDOW_BYTES // jobs
        with ThreadPoolExecutor(jobs) as pool:
            threads = [
                pool.submit(_write_tasks, file, row, rows, tasks, window_bytes) for _ in range(jobs)
            ]
            for thread in threads:
                thread.result()
        os.fsync(file)
    finally:
        os.close(file)


def _write_tasks(
    file: int, row: memoryview, rows: int, tasks: Iterator[int], window_bytes: int
) -> None:
    behind = WriteBehind(window_bytes)
    for first in tasks:
        for index in range(first, min(first + _ROWS_PER_TASK, rows)):
            _write_whole(file, row, index * len(row))
            behind.wrote(file, index * len(row), len(row))
    behind.push(file)


def _write_whole(file: int, view: memoryview, position: int) -> None:
    while view:
        written = os.pwrite(file, view, position)
        view = view[written:]
        position += written
