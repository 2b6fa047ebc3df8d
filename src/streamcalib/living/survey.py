"""Every image looked at once before the first row is read: which are bad, and what the rows are."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamcalib.building.badimages import stop_message
from streamcalib.errors import BadImagesError, Failure, ImageError
from streamcalib.pixels.checksum import checksum
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.progress import Counter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from streamcalib.building.options import OnBad
    from streamcalib.images.listfile import ImageList
    from streamcalib.living.making import Making
    from streamcalib.progress import Subscriber

_AHEAD_PER_JOB = 4


class Surveyed(NamedTuple):
    """What the rows of a live set are.

    Attributes
    ----------
    sources
        For every row the index of its image in the list, (N,); spares count on behind its end.
    sums
        The CRC-32C of every row's canvas, (N,).
    failures
        Every bad image.
    """

    sources: NDArray[np.int64]
    sums: NDArray[np.uint32]
    failures: tuple[Failure, ...]


def survey(
    images: ImageList, making: Making, *, on_bad: OnBad, jobs: int, notify: Subscriber
) -> Surveyed:
    """Make every image's canvas once, and settle what becomes of the bad ones as a build does.

    That costs a decoding each, far less than a calibration's inference, and is why a live set has
    a length, names all bad images at once, and has the rows of a build of the same list.

    Raises
    ------
    BadImagesError
        If images are bad, and ``on_bad`` says ``stop``, no spare is left, or no image is good.
    """
    counter = Counter("check", len(images), 0, notify)
    look = _Look(images, making, jobs)
    found: list[int | None] = []
    with one_opencv_thread():
        for crc in look.at(range(len(images))):
            found.append(crc)
            counter.add(int(crc is not None), int(crc is None))
        rows = [None if crc is None else (source, crc) for source, crc in enumerate(found)]
        if on_bad == "replace":
            _replace(rows, images, look)
    if on_bad == "skip":
        rows = _without_holes(rows)
    good = [row for row in rows if row is not None]
    if len(good) < len(rows) or not good:
        raise _refusal(images, look, on_bad)
    return Surveyed(
        np.array([source for source, _ in good], np.int64),
        np.array([crc for _, crc in good], np.uint32),
        look.failures,
    )


class _Look:
    """Looks at images on threads, in order, and remembers which are bad.

    Threads, since the decoder lets go of Python's lock, and what is looked at stays here.
    """

    def __init__(self, images: ImageList, making: Making, jobs: int) -> None:
        self._images, self._making, self._jobs = images, making, jobs
        self._bad: dict[int, str] = {}

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The bad images, in the list's order."""
        return tuple(
            Failure(source, self._images.source(source), reason)
            for source, reason in sorted(self._bad.items())
        )

    def at(self, sources: Iterable[int]) -> Iterator[int | None]:
        """Yield the checksum of each source's canvas, or None if its image is bad."""
        waiting = iter(sources)
        with ThreadPoolExecutor(self._jobs, "streamcalib-survey") as pool:
            ahead = deque(
                (source, pool.submit(self._look, source))
                for source in islice(waiting, self._jobs * _AHEAD_PER_JOB)
            )
            while ahead:
                source, looked = ahead.popleft()
                outcome = looked.result()
                ahead.extend((new, pool.submit(self._look, new)) for new in islice(waiting, 1))
                if isinstance(outcome, str):
                    self._bad[source] = outcome
                    yield None
                else:
                    yield outcome

    def _look(self, source: int) -> int | str:
        try:
            return checksum(self._making.canvas(self._images.source(source)))
        except ImageError as error:
            return str(error)


def _replace(rows: list[tuple[int, int] | None], images: ImageList, look: _Look) -> None:
    """Give the j-th bad row the j-th good spare; rows stay open when the spares run out."""
    spares = iter(range(len(images), len(images) + len(images.spares)))
    while open_rows := [number for number, row in enumerate(rows) if row is None]:
        tried = list(islice(spares, len(open_rows)))
        if not tried:
            return
        good = [(s, crc) for s, crc in zip(tried, look.at(tried), strict=True) if crc is not None]
        for number, row in zip(open_rows, good, strict=False):
            rows[number] = row


def _without_holes(rows: list[tuple[int, int] | None]) -> list[tuple[int, int] | None]:
    """Fill the holes with the last good rows, as builds do, and shorten the list."""
    length = sum(row is not None for row in rows)
    last = iter([row for row in reversed(rows[length:]) if row is not None])
    return [next(last) if row is None else row for row in rows[:length]]


def _refusal(images: ImageList, look: _Look, on_bad: OnBad) -> BadImagesError:
    tried = len(images)
    if on_bad == "replace":
        tried += len(images.spares)
        ending = (
            f"All {len(images.spares)} spares of {images.label} were tried and do not suffice: "
            "sample again with more --spares, mend the files, or say --on-bad skip."
        )
    elif on_bad == "skip":
        ending = "No image is left: mend these files, or choose others."
    else:
        ending = (
            "Nothing was calibrated. Mend or replace these files, or say --on-bad skip to leave "
            "them out, or --on-bad replace to take spares."
        )
    return BadImagesError(stop_message(look.failures, tried, ending), look.failures)
