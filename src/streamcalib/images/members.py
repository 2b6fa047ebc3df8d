"""Members of archives, on this machine or behind URLs: read, looked at, listed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from streamcalib.errors import ImageError, SourceError
from streamcalib.images.objects.trying import ObjectChangedError
from streamcalib.images.places import Place, is_url
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.images.archives.archive import Archive
    from streamcalib.images.confining import Confines
    from streamcalib.images.stamp import Stamp

_PASSED_OVER = "__MACOSX"
# All members of an archive are looked at by one look at it.
_FRESH_SECONDS = 10.0


def archive_of(
    location: str, confines: Confines | None = None, *, max_age_seconds: float = math.inf
) -> Archive[Any]:
    """Return the open archive at a path or URL.

    Parameters
    ----------
    confines
        Where it must lie; by default anywhere.
    max_age_seconds
        One behind a URL is looked at anew if that is longer ago; one on this machine always is.

    Raises
    ------
    ImageError
        If it is no archive, or outside of the confines; the message is the reason.
    OSError
        If it cannot be opened or read.
    """
    # Imported where they are used: most images are files.
    if is_url(location):
        from streamcalib.images.objects.archives import open_remote_archive

        if confines is not None and not confines.holds(location):
            raise confines.outside()
        return open_remote_archive(location, max_age_seconds=max_age_seconds)
    from streamcalib.images.archives.opened import open_archive

    return open_archive(location, confines)


def read_member(place: Place, max_bytes: int, confines: Confines | None) -> tuple[bytes, Stamp]:
    """Return a member's bytes and stamp; raises as `Archive.read` and `archive_of` do."""
    name = place.member or ""
    try:
        return archive_of(place.location, confines).read(name, max_bytes)
    except ObjectChangedError:
        return archive_of(place.location, confines, max_age_seconds=0).read(name, max_bytes)


def probe_member(place: Place) -> Stamp:
    """Return a member's stamp; raises as `Archive.probe` and `archive_of` do."""
    archive = archive_of(place.location, max_age_seconds=_FRESH_SECONDS)
    return archive.probe(place.member or "")


def images_in(location: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Yield the entries of an archive's images, as folders do: what begins with a dot is no image.

    Raises
    ------
    SourceError
        If it is not there, or is no archive.
    OSError
        If it cannot be read.
    """
    try:
        archive = archive_of(location, max_age_seconds=0)
        for member in archive.members():
            if member.name.lower().endswith(suffixes) and not _is_hidden(member.name):
                yield str(Place(location, member.name))
    except FileNotFoundError as error:
        raise SourceError(f"the archive {printable(location)} does not exist.") from error
    except ImageError as error:
        raise SourceError(f"{printable(location)} cannot be listed: {error}.") from error


def _is_hidden(name: str) -> bool:
    return name.startswith((".", f"{_PASSED_OVER}/")) or "/." in name
