"""The bytes of one image file, or the reason why there are none."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.errors import ImageError
from streamcalib.images.listfile import candidates
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 2**24
_NO_FILE = "it is not a regular file"


class SourceFile(NamedTuple):
    """An image file as it was when it was read: its bytes, and when they were last changed."""

    data: bytes
    mtime_ns: int


def read_image(entry: str, bases: tuple[Path, ...]) -> bytes:
    """Return the bytes of an image; see `read_source`."""
    return read_source(entry, bases).data


def read_source(entry: str, bases: tuple[Path, ...]) -> SourceFile:
    """Read the image that a list's entry names, from the first base where it is.

    Raises
    ------
    ImageError
        If it is missing (the message says where it was sought), not a regular file, or cannot be
        read.
    """
    places = candidates(entry, bases)
    for place in places:
        try:
            return _read(place)
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


def _read(path: str) -> SourceFile:
    # Opening a pipe would wait for its writer; O_NONBLOCK does not, and means nothing for files.
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(file)
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("it is a directory")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(_NO_FILE)
        # One byte more than there should be shows in a single call whether that is all.
        data = os.read(file, status.st_size + 1)
        if len(data) != status.st_size:
            data = _read_on(file, data)
        return SourceFile(data, status.st_mtime_ns)
    finally:
        os.close(file)


def _read_on(file: int, data: bytes) -> bytes:
    """Return all of a file whose size was not what it said, or that is too large for one call."""
    parts = [data]
    while parts[-1]:
        parts.append(os.read(file, _CHUNK_BYTES))
    return b"".join(parts)
