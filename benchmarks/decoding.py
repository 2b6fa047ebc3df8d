"""The ceiling: bare decoding, which every build of JPEGs does at least.

The fastest loop known: files in memory already, simplejpeg into one buffer a thread, and nothing
done with the pixels.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

from benchmarks.children import run_child
from benchmarks.listed import read_list
from benchmarks.outputs import output_folder
from benchmarks.rounds import Contestant, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.corpus import Corpus
    from benchmarks.settings import Settings

_HELD_BYTES = 10**9
_PASSES = 3


def contestant(
    name: str, settings: Settings, corpus: Corpus, rows: int, *, threads: int
) -> Contestant:
    """Return the bare decoding of ``rows`` images, best of three passes, framing each round."""
    file = corpus.listed(rows)

    def measure() -> Turn:
        with output_folder(settings):
            return run_child("decode", list_file=file, threads=threads, passes=_PASSES)

    return Contestant(name, measure, frames=True)


def work(list_file: str, threads: int, passes: int) -> Turn:
    """Decode the images of a list with so many threads; the best of ``passes`` counts.

    At most 1 GB of different files is held; beyond it the first ones are decoded again.
    """
    paths = read_list(list_file)
    held = held_files(paths)
    files = list(islice(cycle(held), len(paths)))
    buffer_bytes = max(3 * prod(simplejpeg.decode_jpeg_header(data)[:2]) for data in held)
    seconds = [_pass(files, threads, buffer_bytes) for _ in range(passes)]
    return {
        "rate": len(files) / min(seconds),
        "seconds": min(seconds),
        "passes": seconds,
        "rows": len(files),
        "distinct": len(held),
    }


def held_files(paths: Sequence[str], limit_bytes: int = _HELD_BYTES) -> list[bytes]:
    """Read different files, at least one, none of them CMYK, until ``limit_bytes`` are held."""
    held: list[bytes] = []
    size = 0
    for path in dict.fromkeys(paths):
        if held and size >= limit_bytes:
            break
        data = Path(path).read_bytes()
        # The decoder gives no RGB of these; builds give them to OpenCV.
        if simplejpeg.decode_jpeg_header(data)[2] in ("CMYK", "YCCK"):
            continue
        held.append(data)
        size += len(data)
    return held


def _pass(files: list[bytes], threads: int, buffer_bytes: int) -> float:
    """Decode all files once; return seconds."""
    buffers = [np.empty(buffer_bytes, np.uint8) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        # Threads that are there already: starting them is nothing that decoding needs.
        list(pool.map(time.sleep, [0.001] * threads))
        start = time.perf_counter()
        # One iterator for all, whose next file is taken atomically, so that no thread idles.
        shared = iter(files)
        list(pool.map(_decode_all, [shared] * threads, buffers))
        return time.perf_counter() - start


def _decode_all(files: Iterator[bytes], buffer: NDArray[np.uint8]) -> None:
    for data in files:
        simplejpeg.decode_jpeg(data, "RGB", buffer=buffer)
