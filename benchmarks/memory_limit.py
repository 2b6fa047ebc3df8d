"""A build that may have no more memory, page cache included, than a tenth of its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import builds
from benchmarks.cgroups import memory_cgroup
from benchmarks.children import run_child
from benchmarks.corpus import photographs
from benchmarks.outputs import fitting_rows, output_folder
from benchmarks.rounds import Contestant, Outcome, Turn, alternate, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.corpus import Corpus
    from benchmarks.settings import Settings

_FREE, _LIMITED = "float32 build", "float32 build inside a memory limit"
_SHARE = 10


def run(settings: Settings, tell: Callable[[str], None]) -> Outcome:
    """Build freely and inside the limit, in alternation."""
    corpus = photographs(settings)
    rows = fitting_rows(settings, settings.float32_images, settings.row_bytes("float32"), tell)
    contestants = [
        builds.contestant(_FREE, settings, corpus, rows, store="final"),
        _limited(settings, corpus, rows),
    ]
    rounds = alternate(contestants, settings.rounds, tell)
    name = "float32 build inside a tenth of its output / free"
    return Outcome([ratio(name, rounds, _LIMITED, _FREE, bar=0.70, aim=0.85)], rounds)


def _limited(settings: Settings, corpus: Corpus, rows: int) -> Contestant:
    output_bytes = rows * settings.row_bytes("float32")
    limit_bytes = max(settings.limit_floor_bytes, output_bytes // _SHARE)
    file = corpus.listed(rows)

    def measure() -> Turn:
        corpus.warm(rows)
        with output_folder(settings) as folder, memory_cgroup(limit_bytes) as group:
            order = builds.order(settings, file, folder / "calib.npy", store="final")
            turn = run_child("build", cgroup=group.processes, **order)
            peak_bytes = group.peak_bytes()
        return {
            **turn,
            "limit_bytes": limit_bytes,
            "output_bytes": output_bytes,
            "peak_bytes": peak_bytes,
        }

    return Contestant(_LIMITED, measure)
