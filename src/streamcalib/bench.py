"""What bounds builds on this machine: steps alone and whole builds, with ever more workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from streamcalib.benching.machine import this_machine
from streamcalib.benching.measuring import Checked, Measuring, places
from streamcalib.benching.prepare import MOST_MADE, PreparedBench, prepare_bench, worker_counts
from streamcalib.benching.result import BenchResult, Measurement
from streamcalib.benching.task import forget
from streamcalib.building.badimages import describe
from streamcalib.building.options import BuildOptions
from streamcalib.errors import InputError
from streamcalib.images.listfile import ImageList
from streamcalib.photographs import make_photographs
from streamcalib.pixels.turbo import DecoderName, find_decoder
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.stores.writeback import CACHE_WINDOW_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from pathlib import Path

    from streamcalib.building.options import LocalBackend
    from streamcalib.recipe import Recipe

_MOST_SHOWN = 10

_Turn = TypeVar("_Turn")


def bench(
    source: str | PathLike[str] | None = None,
    *,
    count: int | None = None,
    seed: int = 42,
    recipe: Recipe | None = None,
    out: str | PathLike[str] = ".",
    jobs: int | None = None,
    backend: LocalBackend = "loky",
    decoder: DecoderName = "auto",
    cache_window: int = CACHE_WINDOW_BYTES,
    repeats: int = 3,
    seconds: float = 1.0,
    progress: Subscriber | None = None,
) -> BenchResult:
    """Measure what bounds builds on this machine.

    Each step of a build runs alone, in workers like a build's, and then whole builds do, for 1, 2,
    4 and so on to ``jobs`` workers.

    Parameters
    ----------
    source
        A folder, glob or list, as in `sample`. By default photographs are made.
    count, seed
        How many images are chosen (all, if there are fewer), by the rule of `sample`. By default
        500 a worker, at most 4000, and no more than fill half of the free space.
    recipe
        What a row is; by default ``Recipe.yolo11()``.
    out
        The folder whose disk is measured. What is written there is taken away, whatever happens.
    jobs
        The largest number of workers; by default all cores that this process may use.
    backend, decoder, cache_window
        As in `build`.
    repeats
        How often everything is measured; medians are what counts.
    seconds
        How long each step is measured each time; writing ends once every row is written.
    progress
        Called with a `Progress` after every measurement; by default nobody is told.

    Raises
    ------
    InputError
        If something is wrong with what was given, or no image is good.
    StoppedError
        If the disk is full, a worker died, or images change meanwhile.
    """
    options = BuildOptions(jobs=jobs, backend=backend, decoder=decoder, cache_window=cache_window)
    prepared = prepare_bench(
        source,
        count=count,
        seed=seed,
        recipe=recipe,
        out=out,
        options=options,
        repeats=repeats,
        seconds=seconds,
    )
    return run_bench(prepared, progress)


def run_bench(prepared: PreparedBench, progress: Subscriber | None = None) -> BenchResult:
    """Carry out a prepared bench; see `bench`."""
    with places(prepared.out) as where:
        images = prepared.images or _made(prepared, where.aside / "images")
        measuring = Measuring(prepared, images, where)
        try:
            checked = measuring.check()
            if not checked.good:
                raise InputError(_no_good_image(checked))
            jobs = worker_counts(min(prepared.plan.jobs, len(checked.good)))
            measurements, starts = _measure(prepared, measuring, jobs, progress or ignore)
        finally:
            forget()
    return BenchResult(
        machine=this_machine(prepared.out),
        parameters=_parameters(prepared, jobs),
        images=_images(prepared, checked),
        row=_row(prepared),
        measurements=measurements,
        start_seconds=starts,
        bad=checked.bad,
    )


def _made(prepared: PreparedBench, folder: Path) -> ImageList:
    """Make photographs; each is used several times where there are to be many images."""
    folder.mkdir()
    make_photographs(folder, min(prepared.plan.rows, MOST_MADE), prepared.seed)
    paths = sorted(path.as_posix() for path in folder.iterdir())
    return ImageList([paths[row % len(paths)] for row in range(prepared.plan.rows)])


def _measure(
    prepared: PreparedBench, measuring: Measuring, jobs: tuple[int, ...], notify: Subscriber
) -> tuple[tuple[Measurement, ...], dict[int, tuple[float, ...]]]:
    """Measure everything in every repeat, so that a slow minute of the machine slows all of it."""
    builds = {f"build_{store}": store for store in prepared.stores}
    steps = {str(step): step for step in prepared.steps}
    names = (*steps, *builds)
    rates: dict[tuple[str, int], list[float]] = {(n, j): [] for j in jobs for n in names}
    busy: dict[tuple[str, int], list[float]] = {key: [] for key in rates}
    starts: dict[int, list[float]] = {number: [] for number in jobs}
    turns = [(name, number) for number in jobs for name in ("start", *names)]
    repeats = prepared.repeats
    counter = Counter("bench", len(turns) * repeats, 0, notify, unit="measurements")
    for repeat in range(repeats):
        for name, number in rotated(turns, repeat, repeats):
            if name == "start":
                starts[number].append(measuring.start(number))
            elif name in builds:
                rates[name, number].append(measuring.build(builds[name], number))
            else:
                pace = measuring.step(steps[name], number, repeat / repeats)
                rates[name, number].append(pace.rate)
                busy[name, number].append(pace.cores_busy)
            counter.add(1, 0)
    written = _written(prepared)
    measurements = (
        Measurement(name, number, tuple(found), written.get(name, 0), tuple(busy[name, number]))
        for (name, number), found in rates.items()
    )
    return tuple(measurements), {number: tuple(found) for number, found in starts.items()}


def rotated(turns: Sequence[_Turn], repeat: int, repeats: int) -> list[_Turn]:
    """Return the turns of a repeat in their order; each repeat begins at another one.

    Those with equally many workers stay side by side, for a change of workers takes a while.
    """
    first = repeat * len(turns) // repeats
    return [*turns[first:], *turns[:first]]


def _written(prepared: PreparedBench) -> dict[str, int]:
    """Return the bytes that are written for an image, by step or build."""
    plan = prepared.plan
    canvas_bytes = 3 * prepared.recipe.height * prepared.recipe.width
    return {
        "write_uint8": canvas_bytes,
        "build_uint8": canvas_bytes,
        "write_final": plan.row_bytes,
        "build_final": plan.row_bytes,
    }


def _parameters(prepared: PreparedBench, jobs: tuple[int, ...]) -> dict[str, Any]:
    options = prepared.options
    return {
        "jobs": list(jobs),
        "backend": options.backend,
        "decoder": find_decoder(options.decoder).describe(),
        "cache_window_bytes": options.cache_window,
        "repeats": prepared.repeats,
        "seconds": prepared.seconds,
        "seed": prepared.seed,
    }


def _images(prepared: PreparedBench, checked: Checked) -> dict[str, Any]:
    return {
        "source": prepared.kind,
        "population": prepared.population,
        "count": len(checked.good),
        "mean_file_bytes": round(checked.file_bytes),
        "mean_pixels": round(checked.pixels),
    }


def _row(prepared: PreparedBench) -> dict[str, Any]:
    recipe = prepared.recipe
    return {
        "recipe": recipe.name,
        "height": recipe.height,
        "width": recipe.width,
        "dtype": recipe.dtype,
        "layout": recipe.layout,
        "bytes": prepared.plan.row_bytes,
    }


def _no_good_image(checked: Checked) -> str:
    shown = describe(checked.bad[:_MOST_SHOWN])
    more = len(checked.bad) - _MOST_SHOWN
    rest = f"\n  and {more} more" if more > 0 else ""
    return f"none of the {len(checked.bad)} images can become a row:\n{shown}{rest}"
