"""A worker's whole life: read bytes, decode, letterbox, encode, write the row, report."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from streamcalib.building.made import Made
from streamcalib.building.slab import Slab
from streamcalib.errors import ImageError, StoppedError
from streamcalib.images.objects.trying import taken_retries
from streamcalib.images.reading import MAX_FILE_BYTES, read_source
from streamcalib.pixels.canvas import CanvasMaker
from streamcalib.pixels.shortage import shortage_is_bad
from streamcalib.pixels.turbo import DecoderName, find_decoder
from streamcalib.rowfacts import COLUMNS
from streamcalib.wording import printable
from streamcalib.workers.marks import OwnMark
from streamcalib.workers.orphans import end_with

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from streamcalib.images.confining import Confines
    from streamcalib.images.places import Base
    from streamcalib.recipe import Recipe
    from streamcalib.stores.store import RowWriter, Store


_WHITE = 255


class Task(NamedTuple):
    """Images to make: their rows, the indices of their sources, and their paths as listed."""

    rows: Sequence[int]
    sources: Sequence[int]
    entries: Sequence[str]


class Outcome(NamedTuple):
    """What became of a `Task`.

    Attributes
    ----------
    made
        The rows that are done.
    failures
        Index of the source and reason of every bad image.
    seconds
        How long it took.
    retries
        How many requests for images behind URLs were tried again.
    """

    made: Made
    failures: list[tuple[int, str]]
    seconds: float
    retries: int = 0


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every task of a build has in common; small, and sent to workers by value.

    Attributes
    ----------
    build
        Tells one build from another.
    store
        Where rows go.
    encodes
        Whether the store holds the recipe's values; else it holds canvases.
    rows_at_once
        How many rows are encoded and written together.
    window_bytes
        What one worker may hold in the page cache.
    own_process
        Whether workers are processes of their own, in which OpenCV's threads are held at one.
    mapped
        Whether rows are written as by one of many processes; see `Store.writer`.
    marks
        Where workers note what they are at, if they shall; see `Marks`.
    parent
        The process that is to be told of the rows.
    """

    build: str
    recipe: Recipe
    store: Store
    encodes: bool
    rows_at_once: int
    window_bytes: int
    bases: tuple[Base, ...]
    decoder: DecoderName
    max_pixels: int
    tolerate_damage: bool
    own_process: bool
    mapped: bool = False
    marks: Path | None = None
    parent: int = field(default_factory=os.getpid)
    max_file_bytes: int = MAX_FILE_BYTES
    confines: Confines | None = None


class _Tools(NamedTuple):
    """What a worker keeps from task to task of one build, so that buffers are used again."""

    build: str
    maker: CanvasMaker
    slab: Slab
    writer: RowWriter
    mark: OwnMark | None


_kept = threading.local()


def make_rows(
    work: Work, task: Task, *, trial: bool = False, stopped: Callable[[], bool] = lambda: False
) -> Outcome:
    """Make the rows of a task.

    Parameters
    ----------
    trial
        Write nothing; only see which images can become rows.
    stopped
        Asked before every image, as the mark is; once one says so, the rest is left undone.

    Raises
    ------
    StoppedError
        If a row cannot be written.
    """
    started = time.perf_counter()
    failures: list[tuple[int, str]] = []
    try:
        tools = _tools(work)
        with _NoWriter() if trial else tools.writer as writer:
            for row, source, entry in zip(*task, strict=True):
                if stopped() or (tools.mark is not None and tools.mark.is_stopped):
                    break
                if reason := _make(work, tools, row, source, entry):
                    failures.append((source, reason))
                elif tools.slab.is_full:
                    tools.slab.flush(writer)
            tools.slab.flush(writer)
    except StoppedError:
        raise
    except OSError as error:
        raise StoppedError(
            f"writing {printable(work.store.shown)} failed: {error.strerror or error}. Free "
            "space or mend the volume, then run the same command again."
        ) from error
    seconds = time.perf_counter() - started
    return Outcome(tools.slab.made(), failures, seconds, taken_retries())


def _make(work: Work, tools: _Tools, row: int, source: int, entry: str) -> str:
    """Make one row in the slab; return why its image is bad, or nothing."""
    if tools.mark is not None:
        tools.mark.at(source)
    try:
        with shortage_is_bad():
            file = read_source(
                entry, work.bases, max_bytes=work.max_file_bytes, confines=work.confines
            )
            facts = tools.maker.make(file.data, tools.slab.free_canvas)
    except ImageError as error:
        return str(error)
    finally:
        if tools.mark is not None:
            tools.mark.at_none()
    tools.slab.add(row, source, len(file.data), facts, file.stamp.number)
    return ""


def forget_tools() -> None:
    """Let go of the buffers that this thread has kept since it last made rows."""
    tools: _Tools | None = getattr(_kept, "tools", None)
    if tools is not None and tools.mark is not None:
        tools.mark.close()
    _kept.tools = None


def nothing_made() -> Made:
    """Return what is told of a task of which nothing became a row."""
    white, black = np.full(3, _WHITE, np.uint8), np.zeros(3, np.uint8)
    return Made(np.empty(0, np.int64), np.empty(0, COLUMNS), white, black)


class _NoWriter:
    """Takes rows and writes nothing."""

    def write(self, index: int, rows: NDArray[Any], sums: Sequence[int] | None = None) -> None:
        """Write nothing."""

    def write_part(self, index: int, offset: int, part: NDArray[Any]) -> None:
        """Write nothing."""

    def __enter__(self) -> _NoWriter:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _tools(work: Work) -> _Tools:
    tools: _Tools | None = getattr(_kept, "tools", None)
    if tools is None or tools.build != work.build:
        if work.own_process:
            cv2.setNumThreads(1)
            end_with(work.parent)
        forget_tools()
        maker = CanvasMaker(
            work.recipe,
            find_decoder(work.decoder),
            max_pixels=work.max_pixels,
            tolerate_damage=work.tolerate_damage,
        )
        slab = Slab(work.recipe, work.rows_at_once, encodes=work.encodes)
        writer = work.store.writer(work.window_bytes, mapped=work.mapped)
        mark = None if work.marks is None else OwnMark(work.marks, work.parent)
        tools = _Tools(work.build, maker, slab, writer, mark)
        _kept.tools = tools
    # What an error left half-made is nobody's.
    tools.slab.clear()
    return tools
