"""LitData's ``optimize``: rows as numpy arrays in chunks of its own format.

Its rows are bit-identical to streamcalib's, both letterbox with OpenCV; they lie in chunk files, in
no order, and not in one array.
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import litdata

from benchmarks.listed import read_list
from benchmarks.plain import flush, plain_canvas, plain_row

if TYPE_CHECKING:
    from benchmarks.rounds import Turn

_CHUNK = "64MB"


def work(list_file: str, out: str, imgsz: int, dtype: str, jobs: int) -> Turn:
    """Write all rows into the folder ``out``; timed from the call to the end of the flush."""
    paths = read_list(list_file)
    # Chunks are written to a cache first; it belongs on the volume that is measured.
    os.environ["DATA_OPTIMIZER_CACHE_FOLDER"] = str(Path(out).with_name("cache"))
    os.environ["DATA_OPTIMIZER_DATA_CACHE_FOLDER"] = str(Path(out).with_name("data"))
    start = time.perf_counter()
    litdata.optimize(
        fn=partial(_row, paths, imgsz, dtype),
        inputs=list(range(len(paths))),
        output_dir=out,
        num_workers=jobs,
        chunk_bytes=_CHUNK,
        # Its default, spawn, takes seconds longer to start; the faster way is compared with.
        start_method="fork",
        verbose=False,
    )
    for file in sorted(Path(out).iterdir()):
        flush(file)
    seconds = time.perf_counter() - start
    return {"rate": len(paths) / seconds, "seconds": seconds, "rows": len(paths)}


def _row(paths: list[str], imgsz: int, dtype: str, index: int) -> Any:
    cv2.setNumThreads(1)
    make = plain_row if dtype == "float32" else plain_canvas
    return make(paths[index], imgsz)
