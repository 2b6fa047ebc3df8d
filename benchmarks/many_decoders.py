"""The ceiling for many workers: bare decoding in as many processes, which share no interpreter."""

from __future__ import annotations

import os
import time
from math import prod
from typing import TYPE_CHECKING

import joblib
import numpy as np
import simplejpeg

from benchmarks.decoding import held_files
from benchmarks.listed import read_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rounds import Turn

_HELD_BYTES = 50 * 10**6
_SECONDS_TO_START = 3.0


def work(list_file: str, jobs: int, seconds: float) -> Turn:
    """Decode for ``seconds`` in ``jobs`` processes at once, each into one buffer.

    All begin at the same moment, once every process has read its files; the rate is the sum of
    theirs.
    """
    paths = read_list(list_file)
    shares = [paths[number::jobs] or paths[:1] for number in range(jobs)]
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=jobs, batch_size=1, pre_dispatch="all")
        # So that every process is there and has imported what it needs.
        parallel(joblib.delayed(time.sleep)(0.1) for _ in range(jobs))
        begin = time.monotonic() + _SECONDS_TO_START
        rates = parallel(joblib.delayed(_rate)(share, begin, seconds) for share in shares)
    return {"rate": sum(rates), "seconds": seconds, "slowest": min(rates), "fastest": max(rates)}


def _rate(paths: Sequence[str], begin: float, seconds: float) -> float:
    files = held_files(paths, _HELD_BYTES)
    size = max(3 * prod(simplejpeg.decode_jpeg_header(data)[:2]) for data in files)
    buffer = np.empty(size, np.uint8)
    late = time.monotonic() - begin
    if late > 0:
        raise TimeoutError(f"process {os.getpid()} came {late:.1f} s too late to decode")
    time.sleep(-late)
    done, start = 0, time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        simplejpeg.decode_jpeg(files[done % len(files)], "RGB", buffer=buffer)
        done += 1
    return done / (now - start)
