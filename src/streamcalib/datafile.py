"""Files from outside, read as data: no other kind of file, no more than a limit, no odd JSON."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
from typing import TYPE_CHECKING, Any, BinaryIO

from streamcalib.wording import in_units

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 2**28
"""Limit on a file that is read whole."""

_CHUNK_BYTES = 2**16
_DEEPEST = 100
_NO_FILE = "it is neither a regular file nor a pipe"
# Neither waits for a pipe's writer nor makes a terminal this process's own.
READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_data(path: Path, most_piped_bytes: int = MOST_BYTES) -> BinaryIO:
    """Open a regular file, a pipe that is being written to, or a terminal.

    What comes through a pipe is read at once, and may have ``most_piped_bytes``.

    Raises
    ------
    OSError
        If the system does not open it.
    ValueError
        If it is something else, or nothing comes through the pipe, or too much; the message is the
        reason, without the name.
    """
    try:
        file = os.open(path, READ_FLAGS)
    except OSError as error:
        if error.errno == errno.ENXIO:  # what opening a socket fails with
            raise ValueError(_NO_FILE) from error
        raise
    try:
        mode = os.fstat(file).st_mode
        if stat.S_ISREG(mode):
            return os.fdopen(os.dup(file), "rb")
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISFIFO(mode) and not os.isatty(file):
            raise ValueError(_NO_FILE)
        return io.BytesIO(_piped(file, most_piped_bytes))
    finally:
        os.close(file)


def read_data(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Return all of a file; raises as `open_data` does, and ``ValueError`` if it is too large."""
    with open_data(path, most_bytes) as file:
        # By what it says of itself first: no memory is taken for what is too large anyway.
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        data = b"" if size > most_bytes else file.read(most_bytes + 1)
    if max(size, len(data)) > most_bytes:
        raise _too_large(most_bytes)
    return data


def parse_json(data: bytes | str) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        If it is no JSON in UTF-8, names something twice, or is nested so deeply that no file of
        streamcalib's is.
    """
    text = data if isinstance(data, str) else data.decode("utf-8")
    try:
        value = json.loads(text, object_pairs_hook=_once_each)
    except RecursionError as error:
        raise ValueError(_too_deep()) from error
    level = [value]
    for _ in range(_DEEPEST):
        level = [item for one in level for item in _items(one) if isinstance(item, dict | list)]
        if not level:
            return value
    raise ValueError(_too_deep())


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """Return a value as JSON that a terminal shows as it is."""
    return json.dumps(value, indent=indent).replace("\x7f", r"\u007f")


def _piped(file: int, most_bytes: int) -> bytes:
    try:
        data = os.read(file, _CHUNK_BYTES)
        if not data:
            raise ValueError("nothing is written to this pipe: start what writes to it first")
    except BlockingIOError:
        data = b""
    parts, size = [data], len(data)
    os.set_blocking(file, True)
    while data := os.read(file, _CHUNK_BYTES):
        parts.append(data)
        size += len(data)
        if size > most_bytes:
            raise _too_large(most_bytes)
    return b"".join(parts)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands in it twice")
    return found


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _too_large(most_bytes: int) -> ValueError:
    return ValueError(f"it has more than {in_units(most_bytes)}")


def _too_deep() -> str:
    return f"its values are nested more than {_DEEPEST} deep"
