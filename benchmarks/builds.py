"""streamcalib's own builds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.children import run_child
from benchmarks.outputs import output_folder
from benchmarks.rounds import Contestant, Turn
from streamcalib import Recipe, build

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.corpus import Corpus
    from benchmarks.settings import Settings
    from streamcalib.building.options import Backend
    from streamcalib.progress import Progress

Store = Literal["final", "uint8"]


def contestant(
    name: str,
    settings: Settings,
    corpus: Corpus,
    rows: int,
    *,
    store: Store,
    imgsz: int = 0,
    backend: Backend = "loky",
) -> Contestant:
    """Return the build of ``rows`` images in a child; ``imgsz`` is the settings' if it is 0."""
    file = corpus.listed(rows)

    def measure() -> Turn:
        corpus.warm(rows)
        with output_folder(settings) as folder:
            out = folder / "calib.npy"
            arguments = order(settings, file, out, store=store, imgsz=imgsz)
            return run_child("build", **arguments, backend=backend)

    return Contestant(name, measure)


def order(
    settings: Settings, list_file: Path, out: Path, *, store: Store, imgsz: int = 0
) -> dict[str, Any]:
    """Return the arguments of `work`."""
    return {
        "list_file": str(list_file),
        "out": str(out),
        "imgsz": imgsz or settings.imgsz,
        "store": store,
        "jobs": settings.jobs,
    }


def work(
    list_file: str, out: str, imgsz: int, store: Store, jobs: int, backend: Backend = "loky"
) -> Turn:
    """Build a set; timed from the call to its return.

    The start of the workers, the manifest and all flushing are included, the imports of this
    process are not. ``start_seconds`` is the time to the end of the first task, and
    ``rate_after_start`` that of all other rows from then on.
    """
    recipe = Recipe.yolo11(imgsz)
    first: list[tuple[int, float]] = []

    def note(progress: Progress) -> None:
        if progress.done and not first:
            first.append((progress.done, time.perf_counter()))

    start = time.perf_counter()
    built = build(
        list_file, out, recipe=recipe, store=store, jobs=jobs, backend=backend, progress=note
    )
    end = time.perf_counter()
    done, began = first[0]
    return {
        "rate": len(built) / (end - start),
        "seconds": end - start,
        "rows": len(built),
        "start_seconds": began - start,
        "rate_after_start": (len(built) - done) / (end - began),
    }
