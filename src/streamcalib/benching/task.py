"""A worker's part in a measurement: prepare, wait for the others, repeat a step, report."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from streamcalib.benching.held import FILES_BYTES, Held
from streamcalib.benching.steps import Circumstances, step
from streamcalib.errors import ImageError, StoppedError
from streamcalib.images.reading import read_image
from streamcalib.pixels.canvas import CanvasMaker
from streamcalib.pixels.turbo import DecoderName, find_decoder
from streamcalib.wording import without_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamcalib.benching.gate import Gate
    from streamcalib.benching.steps import Step
    from streamcalib.images.places import Base
    from streamcalib.recipe import Recipe
    from streamcalib.stores.npy import NpyStore


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What all measurements of a bench have in common; small, and sent to workers by value.

    Attributes
    ----------
    bench
        Tells one bench from another.
    rows_at_once
        How many rows a build encodes and writes together.
    window_bytes
        What all workers together may hold of the output in the page cache.
    own_process
        Whether workers are processes of their own, in which OpenCV's threads are held at one.
    """

    bench: str
    recipe: Recipe
    decoder: DecoderName
    bases: tuple[Base, ...]
    rows_at_once: int
    window_bytes: int
    own_process: bool


class Order(NamedTuple):
    """One worker's part in a measurement.

    Attributes
    ----------
    step
        What is measured.
    number, jobs
        Which of how many workers it is.
    entries
        The worker's images.
    store
        Where rows are written; None where none are.
    seconds
        How long to go on, unless there is nothing left to do; at least one image is done.
    turn
        Where to begin among what is held, as a share of it, 0 to 1.
    gate
        Where the workers wait for each other.
    """

    step: Step
    number: int
    jobs: int
    entries: Sequence[str]
    store: NpyStore | None
    seconds: float
    turn: float
    gate: Gate


class Timing(NamedTuple):
    """What a worker did.

    Attributes
    ----------
    images
        How many images it did.
    start, end
        From when to when, in seconds of the system's clock.
    busy
        How many of these seconds it was on a processor; the others it waited.
    """

    images: int
    start: float
    end: float
    busy: float


class CheckedShare(NamedTuple):
    """A worker's images, read and made into canvases once.

    Attributes
    ----------
    failures
        Index among the worker's images and reason of every bad one.
    file_bytes, pixels
        Of all good images together.
    """

    failures: list[tuple[int, str]]
    file_bytes: int
    pixels: int


_NO_MEMORY = "there is not enough memory to decode it"

_kept = threading.local()


def measure(setup: Setup, order: Order) -> Timing:
    """Repeat a step while the other workers do.

    Raises
    ------
    StoppedError
        If a file can be read no more, a row cannot be written, or workers do not come together.
    """
    held = _held(setup, order)
    store, jobs = order.store, order.jobs
    edges = [0 if store is None else store.rows * n // jobs for n in range(jobs + 1)]
    given = Circumstances(
        store=store,
        rows=[range(*pair) for pair in pairwise(edges)][order.number],
        rows_at_once=setup.rows_at_once,
        window_bytes=setup.window_bytes // jobs,
        turn=order.turn,
    )
    try:
        with step(order.step, held, given) as do:
            order.gate.wait(order.number)
            start, busy_before = time.monotonic(), time.thread_time()
            images = done = do()
            while done and time.monotonic() < start + order.seconds:
                done = do()
                images += done
    except OSError as error:
        if isinstance(error, StoppedError):
            raise
        raise StoppedError(
            f"writing to the folder of --out failed: {error.strerror or error}. Free space there, "
            "or choose another --out."
        ) from error
    return Timing(images, start, time.monotonic(), time.thread_time() - busy_before)


def check(setup: Setup, entries: Sequence[str]) -> CheckedShare:
    """Make the canvas of every image once, as a build does, and note what is bad."""
    recipe = setup.recipe
    maker = CanvasMaker(recipe, find_decoder(setup.decoder))
    planes = np.empty((3, recipe.height, recipe.width), np.uint8)
    failures: list[tuple[int, str]] = []
    file_bytes = pixels = 0
    for index, entry in enumerate(entries):
        try:
            data = read_image(entry, setup.bases)
            facts = maker.make(data, planes)
        except ImageError as error:
            failures.append((index, without_option(str(error))))
        except MemoryError:
            failures.append((index, _NO_MEMORY))
        except cv2.error as error:
            if "Insufficient memory" not in str(error):
                raise
            failures.append((index, _NO_MEMORY))
        else:
            file_bytes += len(data)
            pixels += facts.height * facts.width
    return CheckedShare(failures, file_bytes, pixels)


def forget() -> None:
    """Free what this thread holds for measurements."""
    _kept.__dict__.clear()


def _held(setup: Setup, order: Order) -> Held:
    """Return what this worker holds, from measurement to measurement among so many workers."""
    key = (setup.bench, order.jobs)
    if getattr(_kept, "key", None) != key:
        forget()
        if setup.own_process:
            cv2.setNumThreads(1)
        _kept.held = Held(
            order.entries,
            setup.bases,
            recipe=setup.recipe,
            decoder=setup.decoder,
            files_bytes=FILES_BYTES // order.jobs,
            rows_at_once=setup.rows_at_once,
        )
        _kept.key = key
    held: Held = _kept.held
    return held
