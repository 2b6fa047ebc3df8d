"""Sets of images held against a pool: how well each stands for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from streamcalib.choosing.activations.measuring import Measuring
from streamcalib.choosing.activations.strategy import candidates, without
from streamcalib.choosing.activations.workers import Unmeasured
from streamcalib.choosing.caches.folder import beside_first
from streamcalib.choosing.comparing.classes import HeldClasses, hold_classes
from streamcalib.choosing.comparing.judging import Judged, Judging, judge
from streamcalib.choosing.comparing.membership import as_in_pool, outside
from streamcalib.choosing.comparing.result import Comparison
from streamcalib.choosing.strategies import POOL_SIZE
from streamcalib.errors import InputError, ListError
from streamcalib.images.listfile import ImageList
from streamcalib.images.listing import list_images
from streamcalib.images.places import Place
from streamcalib.images.probing import probe_all
from streamcalib.paths import absolute_path
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamcalib.choosing.labels.source import LabelSource
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.progress import Subscriber
    from streamcalib.recipe import Recipe

DRAWS = 1000
HELD_OUT = 50
MOST_DRAWS = 100_000


def compare(
    lists: Sequence[ImageList | str | os.PathLike[str]],
    pool: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    labels: LabelSource | None = None,
    draws: int = DRAWS,
    seed: int = 42,
    pool_size: int | None = None,
    held_out: int = 0,
    extensions: Iterable[str] | None = None,
    recipe: Recipe | None = None,
    extra_inputs: Sequence[ExtraInput] = (),
    jobs: int | None = None,
    progress: Subscriber | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Say how well sets of images stand for a pool, by a model's activations, by labels, or both.

    Parameters
    ----------
    lists
        The sets: image lists, or their files. Of several of one name, later ones are called
        ``NAME (2)`` and so on.
    pool, extensions
        What they are to stand for: a source as in `list_images`.
    model
        ONNX file of the model that is to be quantized.
    labels
        Where classes of images are written down.
    draws
        How many random draws each set is held against; the same ones by activations and by labels.
    seed
        Of the draws, and of the images that are taken of the pool.
    pool_size
        How many images of the pool are taken, drawn at random; by default `POOL_SIZE` with a
        model, else all.
    held_out
        On how many images of the pool that are in no set the model in INT8, with each set's scales,
        is compared with FP32; 0 for not at all.
    recipe, extra_inputs, jobs, progress
        As in `ByActivations`; progress tells of draws, too.
    cache
        Folder in which what is measured is kept, as in `ByActivations`; by default that beside the
        first list that is a file, ``.streamcalib``.

    Raises
    ------
    InputError
        If there is nothing to compare by, or a number is out of range.
    ListError
        If a list is empty, with a model larger than the pool, or none of its images is good.
    StreamcalibError
        What reading the pool, the model and the labels raises.
    """
    if held_out and model is None:
        raise InputError("--quantize needs a --model.")
    if model is None and labels is None:
        raise InputError("there is nothing to compare by: say --model, --labels, or both.")
    _check_numbers(len(lists), draws, pool_size, held_out)
    population = list_images(pool, extensions).paths
    size = len(population) if model is None else POOL_SIZE
    members = candidates(population, size if pool_size is None else pool_size, seed)
    sets = as_in_pool(_named(lists), population)
    kept = beside_first(lists) if cache is None else cache
    how = Judging(draws, seed, held_out, jobs, progress, kept)
    if model is None:
        judged = _found(members, sets)
    else:
        judged = judge(Measuring.of(model, recipe, extra_inputs), members, sets, how)
    held = HeldClasses({}, {})
    if labels is not None:
        held = _classes(labels, members, sets, judged.bad, how)
    return Comparison(
        pool=os.fspath(pool),
        pool_images=judged.pool_images,
        model=None if model is None else os.fspath(model),
        tensors=judged.tensors,
        sets=judged.sets,
        draws=judged.draws,
        classes=held.classes,
        bad=judged.bad,
        seed=seed,
        draws_each=draws,
        outputs=judged.outputs,
        held_out=judged.held_out,
        outside=outside(sets, population),
        class_draws=held.draws,
    )


def _check_numbers(lists: int, draws: int, pool_size: int | None, held_out: int) -> None:
    if not lists:
        raise InputError("there is no list to compare with the pool.")
    if not 1 <= draws <= MOST_DRAWS:
        raise InputError(f"--draws must be 1 to {MOST_DRAWS:,}, not {draws}.")
    if pool_size is not None and pool_size < 1:
        raise InputError(f"--pool-size must be at least 1, not {pool_size}.")
    if held_out < 0:
        raise InputError(f"--held-out must be at least 0, not {held_out}.")


def _named(lists: Sequence[ImageList | str | os.PathLike[str]]) -> dict[str, list[str]]:
    """Return where the images of each list are, by its name; of equal names, later ones count."""
    sets: dict[str, list[str]] = {}
    for number, one in enumerate(lists):
        name = given = _name(one, number)
        times = 1
        while name in sets:
            times += 1
            name = f"{given} ({times})"
        sets[name] = _places(ImageList.of(one))
    return sets


def _name(images: ImageList | str | os.PathLike[str], number: int) -> str:
    if isinstance(images, ImageList):
        return f"list {number + 1}" if images.file is None else str(images.file)
    return os.fspath(images)


def _places(images: ImageList) -> list[str]:
    """Return where a list's images are, as a source's own listing says it."""
    places = [Place.of(images.resolve(index)) for index in range(len(images))]
    return [
        str(place if place.is_remote else place._replace(location=absolute_path(place.location)))
        for place in places
    ]


def _found(members: Sequence[str], sets: dict[str, list[str]]) -> Judged:
    """Return what can be told without a model: which images are there."""
    everything = _everything(members, sets)
    bad = tuple(
        Unmeasured(place, "it cannot be found")
        for place, stamp in zip(everything, probe_all(everything), strict=True)
        if stamp is None
    )
    for name, places in {"the pool": members, **sets}.items():
        if not without(places, bad):
            first = f", the first: {printable(places[0])}" if places else ""
            raise ListError(f"no image of {printable(name)} can be found{first}.")
    return Judged(len(without(members, bad)), bad=bad)


def _everything(members: Sequence[str], sets: dict[str, list[str]]) -> list[str]:
    return list(dict.fromkeys([*members, *(place for one in sets.values() for place in one)]))


def _classes(
    labels: LabelSource,
    members: Sequence[str],
    sets: dict[str, list[str]],
    bad: Sequence[Unmeasured],
    how: Judging,
) -> HeldClasses:
    """Return how class shares compare; images of a set that are not the pool's count as well."""
    members = without(members, bad)
    sets = {name: without(places, bad) for name, places in sets.items()}
    everything = _everything(members, sets)
    number = {place: index for index, place in enumerate(everything)}
    return hold_classes(
        labels.read(everything),
        # The pool comes first in everything.
        range(len(members)),
        {name: [number[place] for place in places] for name, places in sets.items()},
        draws=how.draws,
        seed=how.seed,
        progress=how.progress,
    )
