"""Members of archives, on this machine or behind URLs: read, looked at, listed."""

from __future__ import annotations

from contextlib import suppress
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


def archive_of(
    location: str, confines: Confines | None = None, *, again: bool = False
) -> Archive[Any]:
    """Return the open archive at a path or URL.

    Parameters
    ----------
    confines
        Where it must lie; by default anywhere.
    again
        Look anew at one behind a URL; one on this machine is always looked at.

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
        return open_remote_archive(location, again=again)
    from streamcalib.images.archives.opened import open_archive

    return open_archive(location, confines)


def read_member(place: Place, max_bytes: int, confines: Confines | None) -> tuple[bytes, Stamp]:
    """Return a member's bytes and stamp; raises as `Archive.read` and `archive_of` do."""
    name = place.member or ""
    try:
        return archive_of(place.location, confines).read(name, max_bytes)
    except ObjectChangedError:
        return archive_of(place.location, confines, again=True).read(name, max_bytes)


def probe_member(place: Place) -> Stamp:
    """Return a member's stamp; raises as `Archive.probe` and `archive_of` do."""
    return archive_of(place.location).probe(place.member or "")


def look_anew(url: str) -> None:
    """Have an archive behind a URL be known as it is now; what is wrong with it is told later.

    Raises
    ------
    StoppedError
        If the server cannot be reached.
    """
    with suppress(ImageError, FileNotFoundError):
        archive_of(url, again=True)


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
        archive = archive_of(location, again=True)
        for member in archive.members():
            if member.name.lower().endswith(suffixes) and not _is_hidden(member.name):
                yield str(Place(location, member.name))
    except FileNotFoundError as error:
        raise SourceError(f"the archive {printable(location)} does not exist.") from error
    except ImageError as error:
        raise SourceError(f"{printable(location)} cannot be listed: {error}.") from error


def _is_hidden(name: str) -> bool:
    return name.startswith((".", f"{_PASSED_OVER}/")) or "/." in name
