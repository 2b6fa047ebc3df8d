"""A uint8 set to a float32 ``.npy``, against the writing of as many ready bytes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import sources, writing
from benchmarks.children import run_child
from benchmarks.corpus import photographs
from benchmarks.outputs import fitting_rows, output_folder
from benchmarks.rounds import Contestant, Outcome, Turn, alternate, ratio
from streamcalib import finalize

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.settings import Settings

_FINALIZE, _READY = "finalize", "ready float32 rows"


def run(settings: Settings, tell: Callable[[str], None]) -> Outcome:
    """Finalize and write in alternation; the source is read once before each turn."""
    row_bytes = settings.row_bytes("float32")
    both_bytes = row_bytes + settings.row_bytes("uint8")
    rows = fitting_rows(settings, settings.float32_images, both_bytes, tell)
    with sources.uint8_set(settings, photographs(settings), rows) as source:
        contestants = [
            _contestant(settings, source),
            writing.contestant(_READY, settings, rows, row_bytes),
        ]
        rounds = alternate(contestants, settings.rounds, tell)
    name = "finalize uint8 to float32 .npy / ready float32 rows"
    return Outcome([ratio(name, rounds, _FINALIZE, _READY, bar=0.7, aim=0.9)], rounds)


def _contestant(settings: Settings, source: Path) -> Contestant:
    def measure() -> Turn:
        with output_folder(settings) as folder:
            sources.warm(source)
            return run_child("finalize", source=source, out=folder / "calib.npy")

    return Contestant(_FINALIZE, measure)


def work(source: str, out: str) -> Turn:
    """Finalize a set; timed from the call to its return, all flushing included."""
    start = time.perf_counter()
    finished = finalize(source, out)
    seconds = time.perf_counter() - start
    return {"rate": len(finished) / seconds, "seconds": seconds, "rows": len(finished)}
