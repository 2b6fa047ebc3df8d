"""Room on disk: one big output at a time, gone before the next turn begins."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.settings import Settings

_SHARE_OF_FREE = 0.8
_SIDE_BYTES_PER_ROW = 1000


@contextmanager
def output_folder(settings: Settings) -> Iterator[Path]:
    """Give an empty folder for one output and delete it in the end.

    Before, the disk comes to rest: what others left to write or to discard is done, so that it
    slows nobody's turn.
    """
    folder = settings.scratch / "outputs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if settings.pause_s:
        os.sync()
        time.sleep(settings.pause_s)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fitting_rows(settings: Settings, rows: int, row_bytes: int, tell: Callable[[str], None]) -> int:
    """Return how many of ``rows`` rows four fifths of the free space hold; fewer are told."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(settings.scratch).free
    fitting = int(free_bytes * _SHARE_OF_FREE) // (row_bytes + _SIDE_BYTES_PER_ROW)
    if fitting < rows:
        tell(f"the disk holds {fitting} of {rows} rows of {row_bytes} bytes: these are measured")
    return max(1, min(rows, fitting))
