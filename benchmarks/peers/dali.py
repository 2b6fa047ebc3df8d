"""NVIDIA DALI's CPU pipeline into a memory map.

Its rows are not bit-identical to streamcalib's: DALI resizes with an arithmetic of its own and
rounds the size of an image after scaling, and its padding, in another way.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from nvidia.dali import fn, types
from nvidia.dali.pipeline import Pipeline

from benchmarks.listed import read_list
from benchmarks.plain import flush

if TYPE_CHECKING:
    from benchmarks.rounds import Turn

_BATCH = 32
_GREY = 114


def work(list_file: str, out: str, imgsz: int, dtype: str, jobs: int) -> Turn:
    """Write all rows; timed from the making of the pipeline to the end of the flush."""
    paths = read_list(list_file)
    start = time.perf_counter()
    pipeline = _pipeline(paths, imgsz, dtype, jobs)
    shape = (len(paths), 3, imgsz, imgsz)
    rows = np.lib.format.open_memmap(out, mode="w+", dtype=np.dtype(dtype), shape=shape)
    for first in range(0, len(paths), _BATCH):
        (batch,) = pipeline.run()
        # The last batch is filled up with images of the list's start.
        room = min(_BATCH, len(paths) - first)
        rows[first : first + room] = batch.as_array()[:room]
    rows.flush()
    flush(out)
    seconds = time.perf_counter() - start
    return {"rate": len(paths) / seconds, "seconds": seconds, "rows": len(paths)}


def _pipeline(paths: list[str], imgsz: int, dtype: str, jobs: int) -> Any:
    scaled = {"float32": (types.FLOAT, 1 / 255), "uint8": (types.UINT8, 1.0)}
    kind, scale = scaled[dtype]
    pipeline = Pipeline(batch_size=_BATCH, num_threads=jobs, device_id=None)
    with pipeline:
        files, _ = fn.readers.file(files=paths)
        images = fn.decoders.image(files, device="cpu", output_type=types.RGB)
        images = fn.resize(
            images,
            size=[imgsz, imgsz],
            mode="not_larger",
            interp_type=types.INTERP_LINEAR,
            antialias=False,
        )
        pipeline.set_outputs(
            fn.crop_mirror_normalize(
                images,
                crop=(imgsz, imgsz),
                out_of_bounds_policy="pad",
                fill_values=_GREY * scale,
                scale=scale,
                dtype=kind,
                output_layout="CHW",
            )
        )
    pipeline.build()
    return pipeline
