"""The bytes of an archive, read at any place; and seen as a file, for what wants one."""

from __future__ import annotations

import io
import os
from typing import Protocol

_BLOCK_BYTES = 2**22


class ArchiveBytes(Protocol):
    """What an archive is read from; used by several threads at once.

    Attributes
    ----------
    size
        In bytes.
    """

    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset`` on, fewer only where it ends."""


class ArchiveFile:
    """An open file as `ArchiveBytes`; it is closed with the last reference to this."""

    def __init__(self, file: int) -> None:
        self.file = file
        self.size = os.fstat(file).st_size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes; raises ``OSError``."""
        data = os.pread(self.file, size, offset)
        parts = [data]
        # The system gives less than was asked for of more than 2 GiB, and on some file systems.
        while data and (missing := size - sum(map(len, parts))) > 0:
            data = os.pread(self.file, missing, offset + size - missing)
            parts.append(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __del__(self) -> None:
        # A thread may still read when the archive is no longer kept: nobody closes it before.
        os.close(self.file)


class Window(io.RawIOBase):
    """`ArchiveBytes` as a file, for scanning: read in blocks, and never much at once.

    What is scanned says itself how long its parts are, and may lie: a read of more than
    ``most_bytes`` fails before memory is taken.
    """

    def __init__(self, source: ArchiveBytes, most_bytes: int) -> None:
        self._source, self._most_bytes = source, most_bytes
        self._place = 0
        self._block, self._block_start = b"", 0

    def seekable(self) -> bool:
        """Return that it is."""
        return True

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def tell(self) -> int:
        """Return the place in bytes."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place, and return it."""
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._source.size}
        place = starts[whence] + offset
        if place < 0:
            raise ValueError("a part of it begins before its start")
        self._place = place
        return place

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to ``size`` bytes; all that is left for None or less than 0.

        Raises
        ------
        ValueError
            If that is too much.
        """
        left = max(0, self._source.size - self._place)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > self._most_bytes:
            raise ValueError(f"a part of its directory claims to have {wanted} bytes")
        start = self._place - self._block_start
        if not 0 <= start <= len(self._block) - wanted:
            self._block_start, start = self._place, 0
            self._block = self._source.read_at(self._place, max(wanted, self._block_bytes()))
        data = self._block[start : start + wanted]
        self._place += len(data)
        return data

    def _block_bytes(self) -> int:
        # A local file's blocks are in the page cache: no more is copied than a header has.
        return 2**12 if isinstance(self._source, ArchiveFile) else _BLOCK_BYTES
