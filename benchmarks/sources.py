"""Finished uint8 sets that other benchmarks read."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import builds
from benchmarks.children import run_child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.corpus import Corpus
    from benchmarks.settings import Settings

_PART_BYTES = 16 * 2**20


@contextmanager
def uint8_set(settings: Settings, corpus: Corpus, rows: int) -> Iterator[Path]:
    """Build a uint8 set of ``rows`` images and give its path; it is deleted in the end."""
    folder = settings.scratch / "sources"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        out = folder / "source.npy"
        run_child("build", **builds.order(settings, corpus.listed(rows), out, store="uint8"))
        yield out
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def warm(path: str | Path) -> None:
    """Read a file once, so that as much of it as memory holds lies in the page cache."""
    with Path(path).open("rb", buffering=0) as file:
        while file.read(_PART_BYTES):
            pass
