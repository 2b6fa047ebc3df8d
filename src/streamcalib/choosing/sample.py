"""Choosing images of a source by a strategy, at random by default, and writing them as a list."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamcalib.choosing.strategies import Random, Wanted
from streamcalib.errors import ListError
from streamcalib.images.listfile import ImageList, listable
from streamcalib.images.listing import list_images
from streamcalib.images.places import Place
from streamcalib.paths import absolute_path
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamcalib.choosing.dedupe.distinct import Dedupe, Distinct
    from streamcalib.choosing.strategies import Choice, Strategy

LEAST_SPARES = 10


def sample(
    source: str | os.PathLike[str],
    count: int,
    *,
    seed: int = 42,
    extensions: Iterable[str] | None = None,
    relative_to: str | os.PathLike[str] | None = None,
    absolute: bool = False,
    spares: int | None = None,
    dedupe: Dedupe | None = None,
    strategy: Strategy | None = None,
) -> ImageList:
    """Choose ``count`` images of a source, at random the same ones for the same seed for ever.

    The default rule is ``random.Random(seed).sample(sorted(paths), count)``, paths sorted in POSIX
    form. Spares, for images that turn out bad, are the same generator's next sample of the sorted
    rest.

    Parameters
    ----------
    source, extensions
        As in `list_images`.
    count
        How many images to choose, at least 1.
    seed
        Any integer.
    relative_to, absolute
        Paths are written relative to the current folder, or to ``relative_to``, or absolute.
    spares
        How many spares to keep, by default a tenth of ``count`` and at least 10; never more than
        there are images left.
    dedupe
        Leave near-duplicates out before anything is chosen; what this raises is raised.
    strategy
        Another rule than the default one; what it raises is raised.

    Raises
    ------
    SourceError
        If the source does not exist or holds no image.
    ListError
        If ``count`` is below 1 or above what is there, near-duplicates left out, or
        ``relative_to`` is not a folder.
    """
    _check(count, seed, spares, relative_to)
    population = list_images(source, extensions)
    there = len(population.paths)
    _check_enough(count, there, f"{printable(str(source))} holds {there}")
    distinct = None if dedupe is None else dedupe.distinct(population.paths)
    pool = population.paths if distinct is None else distinct.paths
    left = len(pool)
    _check_enough(count, left, f"without near-duplicates {left} of {there} are left")
    wanted = max(LEAST_SPARES, count // 10) if spares is None else spares
    choice = (strategy or Random()).choose(pool, Wanted(count, wanted, seed))
    folder = Path(absolute_path(os.fspath(relative_to or ".")))
    base = None if absolute else folder
    working = absolute_path(os.curdir)
    return ImageList(
        paths=[_written(path, base) for path in choice.chosen],
        bases=(folder,),
        spares=[_written(path, base) for path in choice.spares],
        provenance={
            "source": str(source),
            "source_kind": population.kind,
            **_rules(choice, strategy),
            "seed": seed,
            "count": count,
            **({} if spares is None else {"spares_wanted": spares}),
            "population": there,
            "duplicates_dropped": population.duplicates,
            "extensions": None if extensions is None else list(extensions),
            "relative_to": None if base is None else str(base),
            # Where other paths start from, which is mostly the same folder.
            **({} if base == Path(working) else {"working_folder": working}),
            **_left_out(distinct, base),
        },
    )


def _check(
    count: int, seed: object, spares: int | None, relative_to: str | os.PathLike[str] | None
) -> None:
    if not isinstance(seed, int):
        raise ListError(f"--seed must be a whole number, not {seed!r}: a list is made to last.")
    if count < 1:
        raise ListError(f"--count must be at least 1, not {count}.")
    if spares is not None and spares < 0:
        raise ListError(f"--spares must be at least 0, not {spares}.")
    # Unlike pathlib's, it takes names that are too long.
    if relative_to is not None and not os.path.isdir(relative_to):  # noqa: PTH112
        raise ListError(f"--relative-to {printable(str(relative_to))} is not a folder.")


def _check_enough(count: int, there: int, what: str) -> None:
    if count > there:
        raise ListError(f"--count asks for {count} images, but {what}.")


def _rules(choice: Choice, strategy: Strategy | None) -> dict[str, Any]:
    # Of the default rule, side files say what they always said.
    named = {} if strategy is None else {"strategy": strategy.name}
    return {"rule": choice.rule, "spares_rule": choice.spares_rule, **named, **choice.facts}


def _left_out(distinct: Distinct | None, base: Path | None) -> dict[str, Any]:
    if distinct is None:
        return {}
    return {"dedupe": distinct.facts(lambda path: _written(path, base))}


def _written(path: str, base: Path | None) -> str:
    place = Place.of(path)
    if base is None or place.is_remote:
        return listable(path)
    return listable(str(place._replace(location=_relative(place.location, base))))


def _relative(path: str, base: Path) -> str:
    try:
        relative = os.path.relpath(path, base)
        if relative.startswith(os.pardir):
            # The way up from a linked folder begins at its target.
            relative = os.path.relpath(path, os.path.realpath(base))
    except ValueError:
        # On Windows no relative path leads to another drive.
        return path
    return Path(relative).as_posix()
