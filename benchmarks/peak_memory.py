"""Anonymous memory of builds of few and of many images: it must not grow with the set."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import builds
from benchmarks.children import child
from benchmarks.corpus import SMALL_SIDE, small_images
from benchmarks.errors import AbsentError
from benchmarks.outputs import output_folder
from benchmarks.rounds import Contestant, Figure, Outcome, Turn, absence, alternate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psutil

    from benchmarks.corpus import Corpus
    from benchmarks.settings import Settings

_INTERVAL_S = 0.01


def run(settings: Settings, tell: Callable[[str], None]) -> Outcome:
    """Build few and many rows from 64x64 JPEGs in alternation."""
    corpus = small_images(settings)
    few, many = settings.memory_rows
    names = {rows: f"{rows:,} images" for rows in (few, many)}
    contestants = [_contestant(name, settings, corpus, rows) for rows, name in names.items()]
    rounds = alternate(contestants, settings.rounds, tell)
    reason = absence(rounds, names[few]) or absence(rounds, names[many])
    peaks = {
        rows: () if reason else tuple(current[name]["peak_bytes"] / 1e6 for current in rounds)
        for rows, name in names.items()
    }
    more = tuple(b - a for a, b in zip(peaks[few], peaks[many], strict=True))
    title = f"peak anonymous memory, {many:,} images"
    return Outcome(
        [
            Figure(
                name=f"{title}, more than {few:,}",
                values=more,
                bar=30,
                aim=10,
                unit="MB",
                absent=reason,
            ),
            Figure(name=title, values=peaks[many], unit="MB", absent=reason),
        ],
        rounds,
    )


def _contestant(name: str, settings: Settings, corpus: Corpus, rows: int) -> Contestant:
    file = corpus.listed(rows)

    def measure() -> Turn:
        if find_spec("psutil") is None:
            raise AbsentError("psutil is not installed: pip install psutil")
        with output_folder(settings) as folder:
            order = builds.order(
                settings, file, folder / "calib.npy", store="final", imgsz=SMALL_SIDE
            )
            with child("build", **order) as running, _watched(running.pid) as peaks:
                turn = running.result()
        return {**turn, "peak_bytes": max(peaks, default=0)}

    return Contestant(name, measure)


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """Give a list that is filled with the anonymous memory of a process and its children."""
    import psutil

    sums: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        watched = psutil.Process(pid)
        while not ended.is_set():
            try:
                sums.append(anonymous_bytes(watched))
            except psutil.NoSuchProcess:
                return
            time.sleep(_INTERVAL_S)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield sums
    finally:
        ended.set()
        watcher.join()


def anonymous_bytes(process: psutil.Process) -> int:
    """Return the anonymous memory of a process and all below it.

    A child that was just forked is its parent once more, and is not counted.
    """
    import psutil

    total = 0
    family = {process.pid: process.cmdline()}
    for member in (process, *process.children(recursive=True)):
        try:
            family[member.pid] = member.cmdline()
            if member is not process and family[member.pid] == family.get(member.ppid()):
                continue
            status = Path(f"/proc/{member.pid}/status").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
            continue
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        total += int(found[1]) * 1024 if found else 0
    return total
