"""The bytes of one image file, or the reason why there are none."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.datafile import READ_FLAGS
from streamcalib.errors import ImageError
from streamcalib.images.listfile import candidates
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.images.confining import Confines

MAX_FILE_BYTES = 256_000_000
"""Default limit on an image's file: no photograph is as large, and a worker holds it in memory."""

_CHUNK_BYTES = 2**24
_NO_FILE = "it is not a regular file"


class SourceFile(NamedTuple):
    """An image file as it was when it was read: its bytes, and when they were last changed."""

    data: bytes
    mtime_ns: int


def read_image(
    entry: str,
    bases: tuple[Path, ...],
    *,
    max_bytes: int = MAX_FILE_BYTES,
    confines: Confines | None = None,
) -> bytes:
    """Return the bytes of an image; see `read_source`."""
    return read_source(entry, bases, max_bytes=max_bytes, confines=confines).data


def read_source(
    entry: str,
    bases: tuple[Path, ...],
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
        outside of the confines, or cannot be read.
    """
    places = candidates(entry, bases)
    for place in places:
        try:
            return _read(place, max_bytes, confines)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ImageError(_reason(error)) from error
        except ValueError as error:
            raise ImageError("its name holds a NUL character") from error
    sought = " and ".join(printable(place) for place in places)
    raise ImageError(f"no such file (sought as {sought})")


def _reason(error: OSError) -> str:
    if error.errno == errno.ENXIO:
        return _NO_FILE  # what opening a socket fails with
    return (error.strerror or str(error)).lower()


def _read(path: str, max_bytes: int, confines: Confines | None) -> SourceFile:
    # What lies outside is not even opened: opening alone can set a device off.
    if confines is not None and not confines.holds(path):
        raise _outside(confines)
    file = os.open(path, READ_FLAGS)
    try:
        status = os.fstat(file)
        if confines is not None and not confines.holds_open(file, path):
            raise _outside(confines)
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("it is a directory")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(_NO_FILE)
        if status.st_size > max_bytes:
            raise ImageError(f"{status.st_size} bytes are {_over(max_bytes)}")
        # One byte more than there should be shows in a single call whether that is all.
        data = os.read(file, status.st_size + 1)
        if len(data) != status.st_size:
            data = _read_on(file, data, max_bytes)
        return SourceFile(data, status.st_mtime_ns)
    finally:
        os.close(file)


def _read_on(file: int, data: bytes, max_bytes: int) -> bytes:
    """Return all of a file whose size was not what it said, or that is too large for one call."""
    parts, size = [data], len(data)
    while parts[-1]:
        if size > max_bytes:
            raise ImageError(f"it goes on where it says that it ends, and is {_over(max_bytes)}")
        parts.append(os.read(file, min(_CHUNK_BYTES, max_bytes - size + 1)))
        size += len(parts[-1])
    return b"".join(parts)


def _over(max_bytes: int) -> str:
    return f"over the limit of {max_bytes / 1e6:g} MB (--max-file-size)"


def _outside(confines: Confines) -> ImageError:
    return ImageError(f"it leads outside of {confines.shown} (--confine)")
