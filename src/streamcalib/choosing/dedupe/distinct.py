"""A population without its near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np

from streamcalib.choosing.dedupe.cache import HashCache
from streamcalib.choosing.dedupe.grouping import Near, near_duplicates
from streamcalib.choosing.dedupe.hashes import hashes_of
from streamcalib.choosing.dedupe.hashing import HASH_NAME
from streamcalib.errors import InputError
from streamcalib.progress import Counter, Subscriber, ignore

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

DEFAULT_DISTANCE = 10
"""In how many of 64 bits near-duplicates may differ; docs/stratified.md says what that finds."""

_MOST_DISTANCE = 32
_MOST_PAIRS = 1000


class Distinct(NamedTuple):
    """What is left of a population.

    Attributes
    ----------
    paths
        Those that are kept, in their order.
    left_out
        How many are not.
    unread
        How many of the kept ones are bad images, which have no hash.
    pairs
        The first thousand that were left out, each with the image that is kept for it, and in how
        many bits their hashes differ.
    distance
        The most bits in which near-duplicates differ.
    """

    paths: list[str]
    left_out: int
    unread: int
    pairs: list[tuple[str, str, int]]
    distance: int

    def facts(self, written: Callable[[str], str]) -> dict[str, Any]:
        """Return what a list's side file keeps, ready for JSON; ``written`` gives its entries."""
        return {
            "hash": HASH_NAME,
            "distance": self.distance,
            "left_out": self.left_out,
            "unread": self.unread,
            "pairs": [
                {"left_out": written(gone), "kept": written(kept), "distance": bits}
                for gone, kept, bits in self.pairs
            ],
        }


@dataclass(frozen=True, kw_only=True)
class Dedupe:
    """How near-duplicates are found and left out.

    Attributes
    ----------
    distance
        The most bits in which their hashes differ, 0 to 32.
    jobs
        Number of workers that hash; by default all cores that this process may use.
    progress
        Is told of hashing and comparing.
    cache
        Folder in which hashes are kept, as in `ByActivations`; by default the user's cache folder.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    distance: int = DEFAULT_DISTANCE
    jobs: int | None = None
    progress: Subscriber = ignore
    cache: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.distance <= _MOST_DISTANCE:
            raise InputError(
                f"--dedupe-distance must be 0 to {_MOST_DISTANCE} bits, not {self.distance}."
            )
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs must be at least 1, not {self.jobs}.")

    def distinct(self, population: Sequence[str]) -> Distinct:
        """Return a population without its near-duplicates; the first of them, as sorted, is kept.

        Raises
        ------
        StoppedError
            As `hashes_of` does.
        """
        jobs = self.jobs or int(joblib.cpu_count())
        kept = HashCache(self.cache)
        hashes = hashes_of(population, jobs=jobs, progress=self.progress, cache=kept)
        counter = Counter("compare", len(population), 0, self.progress, unit="images")
        is_kept = np.ones(len(population), np.bool_)
        pairs: list[Near] = []
        for near in near_duplicates(hashes, self.distance, counter.reach):
            is_kept[near.left_out] = False
            if len(pairs) < _MOST_PAIRS:
                pairs.append(near)
        return Distinct(
            [path for path, kept in zip(population, is_kept.tolist(), strict=True) if kept],
            int((~is_kept).sum()),
            int((~hashes.known).sum()),
            [(population[p.left_out], population[p.kept], p.distance) for p in pairs],
            self.distance,
        )
