"""Everything that is checked and decided before a bench begins."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from streamcalib.benching.held import FILES_BYTES, HELD_BYTES
from streamcalib.building.clusters.cluster import CLUSTERS
from streamcalib.building.options import BuildOptions, worker_count
from streamcalib.choosing.strategies import draw
from streamcalib.errors import InputError, ListError, OutputError, SourceError
from streamcalib.images.listfile import ImageList
from streamcalib.images.listing import JPEG_SUFFIXES, Population, SourceKind, list_images
from streamcalib.paths import absolute_path
from streamcalib.pixels.encode import Encoder
from streamcalib.pixels.turbo import find_decoder
from streamcalib.plan import Plan, make_plan
from streamcalib.publish import free_bytes
from streamcalib.recipe import Recipe
from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.benching.steps import Step
    from streamcalib.manifest import StoreKind

Kind = SourceKind | Literal["made"]

MOST_MADE = 100
"""How many photographs are made at most; they are used over and over."""

# A worker takes a second or two for so many, in which its start is a small part.
IMAGES_PER_WORKER = 500
MOST_BY_DEFAULT = 4000
_SHARE_OF_FREE_SPACE = 2


@dataclass(frozen=True, kw_only=True)
class PreparedBench:
    """A bench that can go ahead.

    Attributes
    ----------
    images
        The images to measure with; None if photographs are to be made.
    kind
        Where they are from.
    population
        How many there were to choose from.
    seed
        Of the choice, or of the photographs.
    recipe
        What a row is.
    out
        The folder whose disk is measured.
    options
        Backend, decoder and cache window, as in a build.
    plan
        The largest build that is measured, at the most workers.
    jobs
        The numbers of workers, ascending.
    repeats
        How often everything is measured.
    seconds
        How long a step is measured each time.
    """

    images: ImageList | None
    kind: Kind
    population: int
    seed: int
    recipe: Recipe
    out: Path
    options: BuildOptions
    plan: Plan
    jobs: tuple[int, ...]
    repeats: int
    seconds: float

    @property
    def stores(self) -> tuple[StoreKind, ...]:
        """The stores that are measured; where both would hold the same bytes, one."""
        return ("final",) if Encoder(self.recipe).is_identity else ("uint8", "final")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that are measured alone, in the order of a build."""
        if self.stores == ("final",):
            return ("read", "decode", "letterbox", "write_final")
        return ("read", "decode", "letterbox", "encode", "write_uint8", "write_final")

    @property
    def measurements(self) -> int:
        """How many measurements there will be, builds and the starts of workers included."""
        return len(self.jobs) * self.repeats * (1 + len(self.steps) + len(self.stores))

    @property
    def held_bytes(self) -> int:
        """Memory for what is held while steps are measured, of all workers together, at most."""
        return FILES_BYTES + self.plan.jobs * HELD_BYTES


def prepare_bench(
    source: str | os.PathLike[str] | None,
    *,
    count: int | None,
    seed: int,
    recipe: Recipe | None,
    out: str | os.PathLike[str],
    options: BuildOptions,
    repeats: int,
    seconds: float,
) -> PreparedBench:
    """Choose the images and check everything else; nothing is written.

    Parameters as in `streamcalib.bench.bench`.

    Raises
    ------
    InputError
        Or one of its kinds: whatever is wrong, with the mend.
    """
    if options.backend in CLUSTERS:
        raise InputError("bench measures this machine: say --backend loky or threading.")
    _check_numbers(count, repeats, seconds)
    folder = _folder(os.fspath(out))
    find_decoder(options.decoder)
    recipe = recipe or Recipe.yolo11()
    free, workers = free_bytes(folder / "scratch"), worker_count(options)
    if count is None:
        count = default_count(workers, recipe, free)
    images, kind, population = _images(source, count, seed)
    plan = make_plan(
        rows=count if images is None else len(images),
        recipe=recipe,
        container="npy",
        jobs=workers,
        free_bytes=free,
    )
    return PreparedBench(
        images=images,
        kind=kind,
        population=population,
        seed=seed,
        recipe=recipe,
        out=folder,
        options=options,
        plan=plan,
        jobs=worker_counts(plan.jobs),
        repeats=repeats,
        seconds=seconds,
    )


def _folder(out: str) -> Path:
    folder = Path(absolute_path(out))
    if not out or not folder.is_dir():
        raise OutputError(
            f"--out {printable(out)} is not a folder: make it, or choose one on the disk to "
            "measure."
        )
    return folder


def default_count(jobs: int, recipe: Recipe, free_bytes: int) -> int:
    """Return how many images are measured unless asked: as many as make the start a small part.

    They fill no more than half of the free space.
    """
    row_bytes = math.prod(recipe.row_shape) * np.dtype(recipe.dtype).itemsize
    fitting = free_bytes // (_SHARE_OF_FREE_SPACE * row_bytes)
    return max(1, min(IMAGES_PER_WORKER * jobs, MOST_BY_DEFAULT, fitting))


def worker_counts(most: int) -> tuple[int, ...]:
    """Return 1, 2, 4 and so on below ``most``, and ``most``."""
    powers = [2**power for power in range(most.bit_length()) if 2**power < most]
    return (*powers, most)


def _check_numbers(count: int | None, repeats: int, seconds: float) -> None:
    if count is not None and count < 1:
        raise ListError(f"--count must be at least 1, not {count}.")
    if repeats < 1:
        raise InputError(f"--repeats must be at least 1, not {repeats}.")
    if not (seconds > 0 and math.isfinite(seconds)):
        raise InputError(f"--seconds must be above 0, not {seconds}.")


def _images(
    source: str | os.PathLike[str] | None, count: int, seed: int
) -> tuple[ImageList | None, Kind, int]:
    """Choose as ``sample`` does, and take all where there are fewer; also what the source is."""
    if source is None:
        return None, "made", min(count, MOST_MADE)
    if not os.fspath(source):
        raise SourceError(
            "the source is empty, as a shell variable is that is not set: name a folder, a glob or "
            "a list, or leave it out."
        )
    found = _listed(source)
    population = len(found.paths)
    chosen, _ = draw(found.paths, min(count, population), seed, 0)
    return ImageList(chosen), found.kind, population


def _listed(source: str | os.PathLike[str]) -> Population:
    try:
        return list_images(source)
    except SourceError as error:
        # Of what `sample` offers here, a bench has no option.
        if "--ext" not in str(error):
            raise
        raise SourceError(
            f"no image ending in {', '.join(JPEG_SUFFIXES)} under {printable(os.fspath(source))}: "
            "is it the right folder? Images of other endings are named by a glob in quotes, like "
            "'images/*.png'."
        ) from error
