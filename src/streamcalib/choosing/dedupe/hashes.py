"""The hashes of many images: those kept from before, and the others made by workers."""

from __future__ import annotations

import os
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError

from streamcalib.choosing.dedupe.cache import HashCache, Hashed
from streamcalib.choosing.dedupe.hashing import perceptual_hash
from streamcalib.errors import ImageError, StoppedError
from streamcalib.images.places import is_own_memory
from streamcalib.images.probing import probe_all
from streamcalib.images.reading import read_source
from streamcalib.progress import Counter
from streamcalib.workers.orphans import end_with
from streamcalib.workers.stopping import (
    TasksHere,
    close_quietly,
    loky_ending_quietly,
    signals_held_back,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from streamcalib.progress import Subscriber

_TASK_IMAGES = 32
_PROBED_TOGETHER = 4096
# What a kill loses is made again.
_KEPT_TOGETHER = 1024


class Hashes(NamedTuple):
    """Hashes of images.

    Attributes
    ----------
    values
        pHash and the two halves of dHash, (N, 3).
    known
        Whether there is one; bad images have none, (N,).
    """

    values: NDArray[np.uint64]
    known: NDArray[np.bool_]


class _Found(NamedTuple):
    """What a task found of the image at ``place``; nothing of one that cannot be read."""

    at: int
    hashed: Hashed | None


def hashes_of(
    places: Sequence[str], *, jobs: int, progress: Subscriber, cache: HashCache | None = None
) -> Hashes:
    """Return the hashes of images, each made once and then kept; memory is 25 bytes an image.

    Parameters
    ----------
    places
        Absolute paths, members of archives, and URLs.
    jobs
        Number of worker processes; with 1, this thread does it.
    progress
        Told of every task; the unit is images.
    cache
        Where they are kept; by default in the user's cache folder.

    Raises
    ------
    StoppedError
        If a worker dies, or a server cannot be reached. The same again goes on from there.
    """
    hashes = Hashes(np.zeros((len(places), 3), np.uint64), np.zeros(len(places), np.bool_))
    with cache or HashCache() as kept:
        missing = _take_kept(places, kept, hashes)
        counter = Counter(
            "hash", len(places), 0, progress, unit="images", kept=len(places) - len(missing)
        )
        unsaved: list[_Found] = []
        try:
            with closing(_made(places, missing, jobs)) as tasks:
                for found in tasks:
                    for one in found:
                        if one.hashed is not None:
                            _fill_in(hashes, one.at, one.hashed)
                    unsaved += found
                    if len(unsaved) >= _KEPT_TOGETHER:
                        _save(kept, places, unsaved)
                    counter.add(len(found), 0)
        finally:
            _save(kept, places, unsaved)
    return hashes


def _take_kept(places: Sequence[str], kept: HashCache, hashes: Hashes) -> NDArray[np.int64]:
    """Fill in the hashes that are kept, and return the indexes of the other images."""
    is_missing = np.ones(len(places), np.bool_)
    for start in range(0, len(places), _PROBED_TOGETHER):
        part = places[start : start + _PROBED_TOGETHER]
        for index, stamp in enumerate(probe_all(part), start):
            found = kept.find(places[index], stamp)
            if found is None:
                continue
            is_missing[index] = False
            _fill_in(hashes, index, found)
    return np.flatnonzero(is_missing)


def _fill_in(hashes: Hashes, index: int, hashed: Hashed) -> None:
    if hashed.hashes is not None:
        hashes.values[index] = np.frombuffer(hashed.hashes, "<u8")
        hashes.known[index] = True


def _save(kept: HashCache, places: Sequence[str], unsaved: list[_Found]) -> None:
    kept.keep((places[one.at], one.hashed) for one in unsaved if one.hashed is not None)
    unsaved.clear()


def _made(
    places: Sequence[str], missing: NDArray[np.int64], jobs: int
) -> Generator[list[_Found], None, None]:
    """Yield what tasks found, in the order in which they end."""
    if not len(missing):
        return
    # What is in this process's memory no other one sees.
    own = any(map(is_own_memory, places))
    processes = jobs > 1 and not own
    settings: dict[str, Any] = {"backend": "threading" if own else "loky"}
    if processes:
        settings["inner_max_num_threads"] = 1
    with joblib.parallel_config(**settings):
        parallel = joblib.Parallel(
            n_jobs=jobs,
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch="2*n_jobs",
        )
    here = TasksHere()
    do = partial(_hash_all, parent=os.getpid() if processes else None)
    task = joblib.delayed(do if processes else here.around(do))
    results: Generator[list[_Found]] | None = None
    with loky_ending_quietly():
        try:
            with signals_held_back(processes=processes):
                results = parallel(task(part) for part in _parts(places, missing))
            yield from results
        except TerminatedWorkerError as error:
            raise StoppedError(
                "a worker process died while images were hashed for --dedupe: for lack of memory, "
                "or at an image that crashes the decoder, which a build would name. What was "
                "hashed is kept; the same command with --jobs 1 goes on."
            ) from error
        finally:
            if results is not None:
                close_quietly(results)
            here.stop()


def _parts(places: Sequence[str], missing: NDArray[np.int64]) -> Iterator[list[tuple[int, str]]]:
    for start in range(0, len(missing), _TASK_IMAGES):
        part = missing[start : start + _TASK_IMAGES].tolist()
        yield [(index, places[index]) for index in part]


def _hash_all(part: list[tuple[int, str]], *, parent: int | None) -> list[_Found]:
    if parent is not None:
        _end_with_once(parent)
    return [_Found(index, _hash(place)) for index, place in part]


_watched: set[int] = set()


def _end_with_once(parent: int) -> None:
    if parent not in _watched:
        _watched.add(parent)
        end_with(parent)


def _hash(place: str) -> Hashed | None:
    try:
        file = read_source(place, ())
    except ImageError:
        return None
    try:
        value: bytes | None = perceptual_hash(file.data)
    except (ImageError, MemoryError):
        value = None
    return Hashed(file.stamp.bytes, file.stamp.number, value)
