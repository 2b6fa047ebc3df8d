"""torch's DataLoader into a memory map.

Its rows are bit-identical to streamcalib's: both letterbox with OpenCV.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.listed import read_list
from benchmarks.plain import flush, plain_canvas, plain_row

if TYPE_CHECKING:
    from benchmarks.rounds import Turn

_BATCH = 32


class Rows(Dataset[torch.Tensor]):
    """Rows of images, made when they are asked for."""

    def __init__(self, paths: list[str], imgsz: int, dtype: str) -> None:
        self._paths, self._imgsz = paths, imgsz
        self._row: Any = plain_row if dtype == "float32" else plain_canvas

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self._row(self._paths[index], self._imgsz))


def work(list_file: str, out: str, imgsz: int, dtype: str, jobs: int) -> Turn:
    """Write all rows; timed from the making of the loader to the end of the flush."""
    paths = read_list(list_file)
    start = time.perf_counter()
    loader = DataLoader(
        Rows(paths, imgsz, dtype), batch_size=_BATCH, num_workers=jobs, worker_init_fn=_one_thread
    )
    shape = (len(paths), 3, imgsz, imgsz)
    rows = np.lib.format.open_memmap(out, mode="w+", dtype=np.dtype(dtype), shape=shape)
    first = 0
    for batch in loader:
        rows[first : first + len(batch)] = batch.numpy()
        first += len(batch)
    rows.flush()
    flush(out)
    seconds = time.perf_counter() - start
    return {"rate": len(paths) / seconds, "seconds": seconds, "rows": first}


def _one_thread(_worker: int) -> None:
    cv2.setNumThreads(1)
