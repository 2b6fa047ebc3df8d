"""Which images of sets are a pool's, however their paths are written."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.images.places import Place
from streamcalib.paths import posix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Outside(NamedTuple):
    """How many images a set has, and how many of them are not of the pool."""

    images: int
    outside: int


def as_in_pool(sets: dict[str, list[str]], population: Sequence[str]) -> dict[str, list[str]]:
    """Return the places of sets, written as the pool writes those of the same files.

    Links are followed to tell whether files are the same; other images stay as they are.
    """
    known = set(population)
    if all(place in known for places in sets.values() for place in places):
        return sets
    folder: Callable[[str], str] = cache(os.path.realpath)
    of_pool: dict[str, str] = {}
    for place in population:
        of_pool.setdefault(_file(place, folder), place)
    return {
        name: [p if p in known else of_pool.get(_file(p, folder), p) for p in places]
        for name, places in sets.items()
    }


def outside(sets: dict[str, list[str]], population: Sequence[str]) -> dict[str, Outside]:
    """Return how many images of sets are not of a pool, by the set's name."""
    known = set(population)
    return {
        name: Outside(len(places), sum(place not in known for place in places))
        for name, places in sets.items()
    }


def _file(text: str, folder: Callable[[str], str]) -> str:
    place = Place.of(text)
    if place.is_remote:
        return text
    above, name = os.path.split(place.location)
    location = os.path.join(folder(above), name)  # noqa: PTH118
    if os.path.islink(location):  # noqa: PTH114
        location = os.path.realpath(location)
    return str(place._replace(location=posix(location)))
