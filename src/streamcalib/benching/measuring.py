"""The measurements of a bench, one after the other, in scratch folders that do not outlive it."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from streamcalib.benching.gate import Gate
from streamcalib.benching.task import CheckedShare, Order, Setup, Timing, check, forget, measure
from streamcalib.benching.together import end_workers, side_by_side
from streamcalib.build import build
from streamcalib.durable import sync
from streamcalib.errors import (
    BadImagesError,
    Failure,
    OutputError,
    SourceError,
    StoppedError,
    StreamcalibError,
)
from streamcalib.images.listfile import ImageList
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.signals import held_back
from streamcalib.stores.npy import NpyStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.benching.prepare import PreparedBench
    from streamcalib.benching.steps import Step
    from streamcalib.manifest import StoreKind

_PREFIX = "streamcalib-bench-"


class Places(NamedTuple):
    """Folders of one bench: ``scratch`` on the disk to measure, ``aside`` for small things."""

    scratch: Path
    aside: Path


@contextmanager
def places(out: Path) -> Iterator[Places]:
    """Give the folders of one bench, under names nobody knows before, and take them away.

    Raises
    ------
    OutputError
        If they cannot be made.
    StoppedError
        If the disk fills or fails meanwhile.
    """
    with ExitStack() as stack:
        try:
            # A folder made and not yet noted would stay for ever.
            with held_back():
                made = [
                    Path(stack.enter_context(TemporaryDirectory(prefix=_PREFIX, dir=folder)))
                    for folder in (out, None)
                ]
        except OSError as error:
            raise OutputError(
                f"a scratch folder cannot be made: {error.strerror}. Choose another --out."
            ) from error
        try:
            yield Places(*made)
        except OSError as error:
            if isinstance(error, StreamcalibError):
                raise
            raise StoppedError(
                f"writing to the folder of --out failed: {error.strerror or error}. Free space "
                "there, or choose another --out."
            ) from error


class Checked(NamedTuple):
    """The images of a bench, each made into a canvas once.

    Attributes
    ----------
    good
        Those that can become rows.
    bad
        The others, with reasons.
    file_bytes, pixels
        Means over the good ones; 0 if there are none.
    """

    good: ImageList
    bad: tuple[Failure, ...]
    file_bytes: float
    pixels: float


class Pace(NamedTuple):
    """How fast workers did a step: images a second, and how many cores they kept busy with it."""

    rate: float
    cores_busy: float


class Measuring:
    """Measures one step or build at a time.

    Parameters
    ----------
    prepared
        What is measured.
    images
        What it is measured with.
    where
        The folders of the bench.
    """

    def __init__(self, prepared: PreparedBench, images: ImageList, where: Places) -> None:
        self._prepared, self._images, self._where = prepared, images, where
        self._bench = uuid4().hex
        self._jobs = 0

    def check(self) -> Checked:
        """Look at every image once with the most workers, and go on with the good ones.

        Their files are in the page cache then, as far as there is room for them.
        """
        jobs, images = self._prepared.plan.jobs, self._images
        shares = [images.paths[number::jobs] for number in range(jobs)]
        with one_opencv_thread():
            told = side_by_side(
                partial(_numbered_check, self._setup(jobs)),
                list(enumerate(shares)),
                self._prepared.options.backend,
            )
        reasons = {
            number + index * jobs: reason
            for number, checked in told
            for index, reason in checked.failures
        }
        good = [path for index, path in enumerate(images.paths) if index not in reasons]
        self._images = ImageList(good, images.bases)
        count = max(1, len(good))
        return Checked(
            self._images,
            tuple(Failure(index, images[index], why) for index, why in sorted(reasons.items())),
            sum(checked.file_bytes for _, checked in told) / count,
            sum(checked.pixels for _, checked in told) / count,
        )

    def start(self, jobs: int) -> float:
        """Return how many seconds workers take to start."""
        self._start_afresh(jobs)
        begun = time.monotonic()
        timings = self._together("start", jobs, 0.0, 0.0)
        return max(timing.start for timing in timings) - begun

    def step(self, name: Step, jobs: int, turn: float) -> Pace:
        """Return how fast workers do a step; see `Order` for ``turn``."""
        timings = self._together(name, jobs, self._prepared.seconds, turn)
        seconds = max(t.end for t in timings) - min(t.start for t in timings)
        seconds = max(seconds, 1e-9)
        return Pace(
            sum(t.images for t in timings) / seconds, sum(t.busy for t in timings) / seconds
        )

    def build(self, store: StoreKind, jobs: int) -> float:
        """Return how many images a second a build makes, the start of its workers included."""
        options, folder = self._prepared.options, self._where.scratch / "set"
        self._start_afresh(0)
        folder.mkdir()
        self._rest()
        begun = time.monotonic()
        try:
            build(
                self._images,
                folder / "set.npy",
                recipe=self._prepared.recipe,
                jobs=jobs,
                backend=options.backend,
                store=store,
                cache_window=options.cache_window,
                decoder=options.decoder,
            )
        except (BadImagesError, SourceError) as error:
            raise StoppedError(
                "images that were good a moment ago are so no more. Leave the images alone while "
                "they are measured, and run the same command again."
            ) from error
        seconds = time.monotonic() - begun
        shutil.rmtree(folder)
        return len(self._images) / seconds

    def _start_afresh(self, jobs: int) -> None:
        """End all workers and free what they held; ``jobs`` come next, or 0 if not known."""
        end_workers(self._prepared.options.backend)
        forget()
        self._jobs = jobs

    def _rest(self) -> None:
        """Let the file system be done with files that were just taken away."""
        sync(self._where.scratch)

    def _setup(self, jobs: int) -> Setup:
        prepared = self._prepared
        return Setup(
            bench=self._bench,
            recipe=prepared.recipe,
            decoder=prepared.options.decoder,
            bases=self._images.bases,
            rows_at_once=prepared.plan.rows_at_once,
            window_bytes=prepared.options.cache_window,
            own_process=prepared.options.backend == "loky" and jobs > 1,
        )

    def _together(self, name: Step, jobs: int, seconds: float, turn: float) -> list[Timing]:
        if jobs != self._jobs:
            # What so many workers held is in the way of others.
            self._start_afresh(jobs)
        gate = Gate(mkdtemp(dir=self._where.aside), jobs)
        store = self._store(name)
        orders = [
            Order(
                step=name,
                number=number,
                jobs=jobs,
                entries=self._images.paths[number::jobs],
                store=store,
                seconds=seconds,
                turn=turn,
                gate=gate,
            )
            for number in range(jobs)
        ]
        try:
            with one_opencv_thread():
                return side_by_side(
                    partial(measure, self._setup(jobs)),
                    orders,
                    self._prepared.options.backend,
                    gate.close,
                )
        finally:
            if store is not None:
                store.path.unlink(missing_ok=True)

    def _store(self, name: Step) -> NpyStore | None:
        """Reserve a file for the rows that are written, as a build does."""
        plan, path = self._prepared.plan, self._where.scratch / "rows.npy"
        rows = {
            "write_uint8": (plan.canvas_shape, "uint8"),
            "write_final": (plan.row_shape, plan.dtype),
        }
        if name not in rows:
            return None
        shape, dtype = rows[name]
        store = NpyStore(path=path, rows=len(self._images), row_shape=shape, dtype=dtype)
        store.create()
        self._rest()
        return store


def _numbered_check(setup: Setup, share: tuple[int, list[str]]) -> tuple[int, CheckedShare]:
    number, entries = share
    return number, check(setup, entries)
