"""Encoded batches of a uint8 set that lies in memory, against one thread's decoding."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import cv2

from benchmarks import decoding, sources
from benchmarks.children import run_child
from benchmarks.corpus import photographs
from benchmarks.rounds import Contestant, Outcome, Turn, alternate, ratio
from streamcalib import CalibrationSet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.settings import Settings

_FRESH, _REUSED, _DECODING = "batches", "batches in one array", "decoding in one thread"
_SIZE = 32
_PASSES = 3


def run(settings: Settings, tell: Callable[[str], None]) -> Outcome:
    """Encode and decode the same images in alternation, one thread each."""
    corpus, rows = photographs(settings), settings.batch_rows
    with sources.uint8_set(settings, corpus, rows) as source:
        contestants = [
            decoding.contestant(_DECODING, settings, corpus, rows, threads=1),
            _contestant(_FRESH, source, reuse=False),
            _contestant(_REUSED, source, reuse=True),
        ]
        rounds = alternate(contestants, settings.rounds, tell)
    named = "decoding, one thread each"
    return Outcome(
        [
            ratio(f"batches / {named}", rounds, _FRESH, _DECODING, bar=1.2, aim=2),
            ratio(f"batches in one array / {named}", rounds, _REUSED, _DECODING, bar=4, aim=5),
        ],
        rounds,
    )


def _contestant(name: str, source: Path, *, reuse: bool) -> Contestant:
    return Contestant(name, lambda: run_child("batches", path=source, reuse=reuse))


def work(path: str, reuse: bool) -> Turn:
    """Yield all float32 batches of 32 rows; the best of three passes counts.

    With ``reuse`` every batch is encoded into the same array. The file was read once before.
    """
    cv2.setNumThreads(1)
    calibration = CalibrationSet.open(path)
    sources.warm(path)
    cpu_start = time.process_time()
    seconds = [_pass(calibration, reuse) for _ in range(_PASSES)]
    # That one thread was at work: processor and wall seconds of all passes are about the same.
    cpu_seconds = time.process_time() - cpu_start
    rows = len(calibration)
    return {
        "rate": rows / min(seconds),
        "seconds": min(seconds),
        "passes": seconds,
        "cpu_seconds": cpu_seconds,
        "rows": rows,
    }


def _pass(calibration: CalibrationSet, reuse: bool) -> float:
    start = time.perf_counter()
    for _batch in calibration.batches(_SIZE, reuse=reuse):
        pass
    return time.perf_counter() - start
