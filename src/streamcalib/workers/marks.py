"""Which image each worker is at, in files that outlive it; and the parent's word to stop.

A worker that dies, or hangs, cannot tell what it was at. So it writes that down before every image,
into a mapped file of its own, which costs less than a microsecond.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_STOP_NAME = "stop"
_BYTES = 64
# Number of the image, from 1; 0 while at none. Then how many there were, which tells one from the
# next even if an image comes twice.
_LAYOUT = struct.Struct("<QQ")


class Mark(NamedTuple):
    """What a worker was at.

    Attributes
    ----------
    pid, name
        The process, and the file's name.
    source
        Index of the image, or None if it was at none.
    turn
        Grows with every image.
    """

    pid: int
    name: str
    source: int | None
    turn: int


class Marks:
    """The parent's side: the marks of all workers.

    Parameters
    ----------
    folder
        Where they are; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._stop = _mapped(folder / _STOP_NAME)

    def stop(self) -> None:
        """Have all workers stop before their next image."""
        self._stop[0] = 1

    def clear(self) -> None:
        """Forget all marks, and the word to stop; nobody may be at work."""
        self._stop[0] = 0
        for path in self.folder.iterdir():
            if path.name != _STOP_NAME:
                path.unlink(missing_ok=True)

    def read(self) -> list[Mark]:
        """Return what every worker is at, or was when it ended."""
        return read_marks(self.folder)

    def close(self) -> None:
        """Unmap; the files stay."""
        self._stop.close()


def read_marks(folder: Path) -> list[Mark]:
    """Return the marks in a folder; none if there is no such folder."""
    marks = []
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in paths:
        pid = path.name.partition("-")[0]
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if pid.isdecimal() and len(data) == _BYTES:
            number, turn = _LAYOUT.unpack_from(data)
            marks.append(Mark(int(pid), path.name, number - 1 if number else None, turn))
    return marks


class OwnMark:
    """A worker's side: its own mark, and whether it is to stop.

    Parameters
    ----------
    folder
        That of `Marks`.
    parent
        The process that is to be told of the rows; once it is gone, there is nothing to do.

    Raises
    ------
    OSError
        If the mark cannot be made.
    """

    def __init__(self, folder: Path, parent: int) -> None:
        self._parent = parent
        self._is_parent = parent == os.getpid()
        self._stop = _mapped(folder / _STOP_NAME)
        self._own = _mapped(folder / f"{os.getpid()}-{threading.get_native_id()}")
        self._turn = 0

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more is to be begun."""
        if self._stop[0]:
            return True
        return not self._is_parent and os.getppid() != self._parent

    def at(self, source: int) -> None:
        """Note that image ``source`` is begun."""
        self._turn += 1
        _LAYOUT.pack_into(self._own, 0, source + 1, self._turn)

    def at_none(self) -> None:
        """Note that the last image is done."""
        _LAYOUT.pack_into(self._own, 0, 0, self._turn)

    def close(self) -> None:
        """Unmap; the file stays."""
        self._stop.close()
        self._own.close()


def _mapped(path: Path) -> mmap.mmap:
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    try:
        # Written, not only lengthened: into a hole on a full disk, a mapping could not be written.
        if os.fstat(file).st_size < _BYTES:
            os.write(file, bytes(_BYTES))
        return mmap.mmap(file, _BYTES)
    finally:
        os.close(file)
