"""Whether images are still what they were, without reading them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from streamcalib.errors import ImageError, SourceError, StreamcalibError
from streamcalib.images.members import look_anew, probe_member
from streamcalib.images.places import Place
from streamcalib.images.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STAT_THREADS = 8
# Threads cost more than they save.
_FEW = 64
_REQUESTS_AT_ONCE = 32
_PLACES_AT_ONCE = 4096
_LISTED_FROM = 200
_LISTED_TIMES = 50


def probe(text: str) -> Stamp | None:
    """Return an image's stamp, or None if it is gone or may not be looked at.

    Raises
    ------
    StoppedError
        If it lies behind a URL, and the server cannot be reached.
    """
    place = Place.of(text)
    if place.member is not None and place.is_remote:
        look_anew(place.location)
    return _probe(text)


def _probe(text: str) -> Stamp | None:
    place = Place.of(text)
    try:
        if place.member is not None:
            return probe_member(place)
        if place.is_remote:
            from streamcalib.images.objects.reading import look_at

            return look_at(place.location).stamp
        status = os.stat(place.location)  # noqa: PTH116
        return Stamp(status.st_size, status.st_mtime_ns, status.st_mtime_ns)
    except ImageError:
        return None
    except StreamcalibError:
        raise
    except (OSError, ValueError):
        return None


def probe_all(places: Sequence[str]) -> Iterator[Stamp | None]:
    """Yield what `probe` returns of each place, in order, of several at once."""
    remote = [place for place in map(Place.of, places) if place.is_remote]
    if not remote and len(places) < _FEW:
        yield from map(_probe, places)
        return
    archives = {place.location for place in remote if place.member is not None}
    listed = _listed([place.location for place in remote if place.member is None])

    def known(place: str) -> Stamp | None:
        return listed.get(place) or _probe(place)

    with ThreadPoolExecutor(_REQUESTS_AT_ONCE if remote else _STAT_THREADS) as pool:
        # One look at an archive tells of all its members.
        list(pool.map(look_anew, sorted(archives)))
        for start in range(0, len(places), _PLACES_AT_ONCE):
            yield from pool.map(known, places[start : start + _PLACES_AT_ONCE])


def _listed(urls: Sequence[str]) -> dict[str, Stamp]:
    """Return the stamps of those objects that a few requests for lists of them tell.

    A list tells of a thousand objects by one request; but where few of a folder's are asked for, or
    the folder holds far more, each is asked for by itself.
    """
    folders: dict[str, set[str]] = {}
    for url in urls:
        folders.setdefault(url.rpartition("/")[0], set()).add(url)
    found: dict[str, Stamp] = {}
    for folder, wanted in folders.items():
        if len(wanted) < _LISTED_FROM:
            continue
        # Imported where it is used: most images are files.
        from streamcalib.images.objects.listing import list_objects

        # Who may read may not be allowed to list.
        with suppress(SourceError):
            listed = islice(list_objects(folder), _LISTED_TIMES * len(wanted))
            found.update((url, stamp) for url, stamp in listed if url in wanted)
    return found
