"""What the journal, the marks of workers and the checksums of rows cost a build."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks import builds
from benchmarks.children import run_child
from benchmarks.corpus import photographs
from benchmarks.outputs import fitting_rows, output_folder
from benchmarks.rounds import Contestant, Outcome, Turn, alternate, ratio
from streamcalib import Recipe, build
from streamcalib.building import crew, resume, slab
from streamcalib.building.worker import Task, Work, make_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.corpus import Corpus
    from benchmarks.settings import Settings
    from streamcalib.building.worker import Outcome as TaskOutcome

_BARS = {"uint8": 0.97, "final": 0.93}
_NAMES = {"uint8": "uint8 build", "final": "float32 build"}


def run(settings: Settings, tell: Callable[[str], None]) -> Outcome:
    """Build with and without them, in alternation; nine rounds where others have five."""
    corpus = photographs(settings)
    floats = fitting_rows(settings, settings.float32_images, settings.row_bytes("float32"), tell)
    bytes_ = fitting_rows(settings, settings.images_count, settings.row_bytes("uint8"), tell)
    contestants = [
        contestant
        for store, rows in (("uint8", bytes_), ("final", floats))
        for contestant in (
            _contestant(settings, corpus, rows, store, guarded=True),
            _contestant(settings, corpus, rows, store, guarded=False),
        )
    ]
    rounds = alternate(contestants, 2 * settings.rounds - 1, tell)
    return Outcome(
        [
            ratio(
                f"{name} / without journal and checksums",
                rounds,
                name,
                _without(name),
                bar=_BARS[store],
                aim=1.0,
            )
            for store, name in _NAMES.items()
        ],
        rounds,
    )


def _without(name: str) -> str:
    return f"{name} without journal and checksums"


def _contestant(
    settings: Settings, corpus: Corpus, rows: int, store: Any, *, guarded: bool
) -> Contestant:
    file = corpus.listed(rows)

    def measure() -> Turn:
        corpus.warm(rows)
        with output_folder(settings) as folder:
            order = builds.order(settings, file, folder / "calib.npy", store=store)
            return run_child("safety", guarded=guarded, **order)

    name = _NAMES[store]
    return Contestant(name if guarded else _without(name), measure)


def work(list_file: str, out: str, imgsz: int, store: Any, jobs: int, guarded: bool) -> Turn:
    """Build a set, perhaps without what guards it; timed as in `builds.work`."""
    if not guarded:
        _replace(crew, _numbered=_unguarded)
        _replace(resume, Journal=_NoJournal)
        _replace(slab, checksums=_no_checksums, extended=_no_checksum)
    start = time.perf_counter()
    built = build(list_file, out, recipe=Recipe.yolo11(imgsz), store=store, jobs=jobs)
    seconds = time.perf_counter() - start
    return {"rate": len(built) / seconds, "seconds": seconds, "rows": len(built)}


def _unguarded(work: Work, number: int, task: Task, **options: Any) -> tuple[int, TaskOutcome]:
    # In the worker, which imports everything for itself.
    _replace(slab, checksums=_no_checksums, extended=_no_checksum)
    return number, make_rows(replace(work, marks=None), task, **options)


def _replace(module: ModuleType, **names: object) -> None:
    for name, value in names.items():
        if not hasattr(module, name):
            raise AttributeError(f"{module.__name__} has no {name} any more")
        setattr(module, name, value)


def _no_checksums(rows: NDArray[Any]) -> list[int]:
    return [0] * len(rows)


def _no_checksum(_crc: int, _values: NDArray[Any]) -> int:
    return 0


class _NoJournal:
    """Notes nothing."""

    is_due = False

    @classmethod
    def open(cls, _path: object) -> None:
        return None

    @classmethod
    def create(cls, _path: object, _facts: object) -> _NoJournal:
        return cls()

    def note(self, rows: NDArray[np.int64], columns: NDArray[Any]) -> None:
        pass

    def note_facts(self, facts: object) -> None:
        pass

    def fail(self, source: int, reason: str) -> None:
        pass

    def commit(self, make_durable: object) -> None:
        pass

    def close(self) -> None:
        pass
