"""The hashes of many images: those kept from before, and the others made by workers."""

from __future__ import annotations

import logging
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
from streamcalib.wording import counted, printable
from streamcalib.workers.orphans import end_with
from streamcalib.workers.stopping import (
    TasksHere,
    close_quietly,
    loky_ending_quietly,
    signals_held_back,
)
from streamcalib.workers.suspects import Suspects, killers, mark_in, named

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from streamcalib.progress import Subscriber

_TASK_IMAGES = 32
_PROBED_TOGETHER = 4096
# What a kill loses is made again.
_KEPT_TOGETHER = 1024

_log = logging.getLogger(__name__)


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
        If a worker dies and no image is to blame, or a server cannot be reached. The same again
        goes on from there.
    """
    hashes = Hashes(np.zeros((len(places), 3), np.uint64), np.zeros(len(places), np.bool_))
    with cache or HashCache() as kept:
        missing = _take_kept(places, kept, hashes)
        held = len(places) - len(missing)
        counter = Counter("hash", len(places), 0, progress, unit="images", kept=held)
        unsaved: list[_Found] = []
        try:
            with closing(_made(places, missing, jobs)) as tasks:
                for found in tasks:
                    for one in found:
                        if one.hashed is not None:
                            _fill_in(hashes, one.at, one.hashed)
                    unsaved += found
                    held += sum(one.hashed is not None for one in found)
                    if len(unsaved) >= _KEPT_TOGETHER:
                        _save(kept, places, unsaved)
                    counter.add(len(found), 0)
        except BaseException as error:
            _save(kept, places, unsaved)
            # Who stops it is told; errors say what to do by themselves.
            if kept.is_kept and not isinstance(error, Exception):
                error.add_note(
                    f"{counted(held, 'image')} of {len(places):,} hashed and kept; the "
                    "same command goes on from there."
                )
            raise
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
    """Yield what tasks found, in the order in which they end, whatever dies meanwhile."""
    # What is in this process's memory no other one sees.
    if jobs == 1 or any(map(is_own_memory, places)):
        if len(missing):
            yield from _wave(places, missing, jobs, None)
        return
    is_left = np.zeros(len(places), np.bool_)
    is_left[missing] = True
    with Suspects() as suspects:
        while is_left.any():
            try:
                left = np.flatnonzero(is_left)
                with closing(_wave(places, left, jobs, suspects.folder)) as tasks:
                    for found in tasks:
                        is_left[[one.at for one in found]] = False
                        yield found
            except TerminatedWorkerError as error:
                death = error
            else:
                return
            bad = _killers(places, suspects.take(), death)
            is_left[bad] = False
            yield [_Found(index, None) for index in bad]


def _killers(places: Sequence[str], at: list[int], death: BaseException) -> list[int]:
    """Return which of the images that workers were at end whoever hashes them."""
    found = killers(at, _hash_alone, lambda index: places[index])
    for index, reason in found.items():
        _log.warning(
            "%s: %s; without a hash it is kept, and a build names it",
            printable(places[index]),
            reason,
        )
    if not found:
        raise StoppedError(
            "a worker process died while images were hashed for --dedupe, most likely for lack of "
            f"memory.{named([places[index] for index in at])} What was hashed is kept; the same "
            "command with --jobs 1 goes on."
        ) from death
    return list(found)


def _wave(
    places: Sequence[str], missing: NDArray[np.int64], jobs: int, marks: Path | None
) -> Generator[list[_Found], None, None]:
    """Yield what tasks found until all are done, or a worker dies, which ends the others too.

    Workers are processes if there are ``marks`` for them.
    """
    settings: dict[str, Any] = {"backend": "threading" if marks is None else "loky"}
    if marks is not None:
        settings["inner_max_num_threads"] = 1
    with joblib.parallel_config(**settings):
        parallel = joblib.Parallel(
            n_jobs=jobs,
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch="2*n_jobs",
        )
    here = TasksHere()
    do = here.around(_hash_all) if marks is None else partial(_hash_apart, marks, os.getpid())
    task = joblib.delayed(do)
    results: Generator[list[_Found]] | None = None
    with loky_ending_quietly():
        try:
            with signals_held_back(processes=marks is not None):
                results = parallel(task(part) for part in _parts(places, missing))
            yield from results
        finally:
            if results is not None:
                close_quietly(results)
            here.stop()


def _parts(places: Sequence[str], missing: NDArray[np.int64]) -> Iterator[list[tuple[int, str]]]:
    for start in range(0, len(missing), _TASK_IMAGES):
        part = missing[start : start + _TASK_IMAGES].tolist()
        yield [(index, places[index]) for index in part]


def _hash_all(part: list[tuple[int, str]]) -> list[_Found]:
    return [_Found(index, _hash(place)) for index, place in part]


def _hash_apart(marks: Path, parent: int, part: list[tuple[int, str]]) -> list[_Found]:
    """Do as `_hash_all` in a process that notes what it is at, and ends with its parent."""
    _end_with_once(parent)
    found = []
    with closing(mark_in(marks, parent)) as mark:
        for index, place in part:
            mark.at(index)
            found.append(_Found(index, _hash(place)))
        mark.at_none()
    return found


def _hash_alone(place: str) -> None:
    _hash(place)


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
