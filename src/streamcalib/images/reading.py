"""The bytes of one image, or the reason why there are none."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.datafile import READ_FLAGS
from streamcalib.errors import ImageError, StreamcalibError
from streamcalib.images.limits import over, over_limit
from streamcalib.images.members import read_member
from streamcalib.images.places import Place, is_archive
from streamcalib.images.resolving import candidates
from streamcalib.images.stamp import Stamp
from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.images.confining import Confines
    from streamcalib.images.places import Base

MAX_FILE_BYTES = 256_000_000
"""Default limit on an image's file: no photograph is as large, and a worker holds it in memory."""

_CHUNK_BYTES = 2**24
_NO_FILE = "it is not a regular file"
_ARCHIVE = "it is an archive: name an image in it as ARCHIVE::MEMBER, or sample from it"


class SourceFile(NamedTuple):
    """An image as it was when it was read: its bytes, and what tells whether it has changed."""

    data: bytes
    stamp: Stamp


def read_image(
    entry: str,
    bases: tuple[Base, ...],
    *,
    max_bytes: int = MAX_FILE_BYTES,
    confines: Confines | None = None,
) -> bytes:
    """Return the bytes of an image; see `read_source`."""
    return read_source(entry, bases, max_bytes=max_bytes, confines=confines).data


def read_source(
    entry: str,
    bases: tuple[Base, ...],
    *,
    max_bytes: int = MAX_FILE_BYTES,
    confines: Confines | None = None,
) -> SourceFile:
    """Read the image that a list's entry names, from the first base where it is.

    Parameters
    ----------
    max_bytes
        Limit on the file's size, checked before it is read and while it is.
    confines
        Where it must lie, links resolved; by default anywhere.

    Raises
    ------
    ImageError
        If it is missing (the message says where it was sought), not a regular file, too large,
        outside of the confines, damaged in its archive, or cannot be read.
    StoppedError
        If it lies behind a URL, and the server cannot be reached.
    """
    places = candidates(entry, bases)
    for place in places:
        try:
            return _read_place(Place.of(place), max_bytes, confines)
        except StreamcalibError:
            raise
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ImageError(_reason(error)) from error
        except ValueError as error:
            raise ImageError("its name holds a NUL character") from error
    sought = " and ".join(printable(place) for place in places)
    raise ImageError(f"no such file (sought as {sought})")


def _read_place(place: Place, max_bytes: int, confines: Confines | None) -> SourceFile:
    if place.member is not None:
        return SourceFile(*read_member(place, max_bytes, confines))
    if place.is_remote:
        # Imported where it is used: most images are files.
        from streamcalib.images.objects.reading import read_object

        if confines is not None and not confines.holds(place.location):
            raise confines.outside()
        return SourceFile(*read_object(place.location, max_bytes))
    return _read(place.location, max_bytes, confines)


def _reason(error: OSError) -> str:
    if error.errno == errno.ENXIO:
        return _NO_FILE  # what opening a socket fails with
    return (error.strerror or str(error)).lower()


def _read(path: str, max_bytes: int, confines: Confines | None) -> SourceFile:
    # What lies outside is not even opened: opening alone can set a device off.
    if confines is not None and not confines.holds(path):
        raise confines.outside()
    file = os.open(path, READ_FLAGS)
    try:
        status = os.fstat(file)
        if confines is not None and not confines.holds_open(file, path):
            raise confines.outside()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("it is a directory")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(_NO_FILE)
        if is_archive(path):
            raise ImageError(_ARCHIVE)
        if status.st_size > max_bytes:
            raise over_limit(status.st_size, max_bytes)
        # One byte more than there should be shows in a single call whether that is all.
        data = os.read(file, status.st_size + 1)
        if len(data) != status.st_size:
            data = _read_on(file, data, max_bytes)
        changed = status.st_mtime_ns
        return SourceFile(data, Stamp(len(data), changed, changed))
    finally:
        os.close(file)


def _read_on(file: int, data: bytes, max_bytes: int) -> bytes:
    """Return all of a file whose size was not what it said, or that is too large for one call."""
    parts, size = [data], len(data)
    while parts[-1]:
        if size > max_bytes:
            raise ImageError(f"it goes on where it says that it ends, and is {over(max_bytes)}")
        parts.append(os.read(file, min(_CHUNK_BYTES, max_bytes - size + 1)))
        size += len(parts[-1])
    return b"".join(parts)
