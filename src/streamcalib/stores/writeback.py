"""Write-behind: what was written goes to disk at once and leaves the page cache soon after.

Without it a build fills the page cache with rows that nobody will read again. Once memory is full,
every new page costs an old one, and a build larger than memory falls to a fraction of its speed.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
from collections import deque
from typing import NamedTuple

from streamcalib.stores.libc import libc_function

CACHE_WINDOW_BYTES = 256 * 10**6
"""Default of what a whole build may hold in the page cache."""

_PUSHED_BYTES = 8 * 2**20
# Each is held open.
_MOST_ENDED = 32
# Not I/O errors: the file system, or a sandbox around it, does not know the call.
_FALLOCATE_UNSUPPORTED = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM})
_SYNC_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.ESPIPE, errno.EPERM})
# Of sync_file_range(2).
_WRITE = 2
_WAIT_WRITE_WAIT = 7

_log = logging.getLogger(__name__)


class Span(NamedTuple):
    """A range of a file, in bytes."""

    offset: int
    size: int


class WriteBehind:
    """Pushes written ranges of one file to disk, and drops them from the page cache later.

    Where the system lacks the calls (Linux has them, for files on disk), it does nothing.

    Parameters
    ----------
    window_bytes
        What may be on its way or in the cache before the writer waits for the oldest range.
    """

    def __init__(self, window_bytes: int) -> None:
        self._window_bytes = window_bytes
        # Of a small window too, some is on its way to disk while the next is written.
        self._push_bytes = max(1, min(_PUSHED_BYTES, window_bytes // 4))
        self._open = Span(0, 0)
        self._pushed: deque[Span] = deque()
        self._pushed_bytes = 0

    def wrote(self, file: int, offset: int, size: int) -> None:
        """Note that ``size`` bytes at ``offset`` were written.

        ``file`` is any descriptor of the file. Raises ``OSError`` if the disk fails.
        """
        if offset != self._open.offset + self._open.size:
            self.push(file)
            self._open = Span(offset, 0)
        self._open = Span(self._open.offset, self._open.size + size)
        if self._open.size >= self._push_bytes:
            self.push(file)

    def push(self, file: int) -> None:
        """Start writing to disk what was noted last, and drop what is behind the window."""
        span, self._open = self._open, Span(self._open.offset + self._open.size, 0)
        if not span.size or not _sync_range(file, span, _WRITE):
            return
        self._pushed.append(span)
        self._pushed_bytes += span.size
        while self._pushed and self._pushed_bytes > self._window_bytes:
            self._drop(file, self._pushed.popleft())

    def _drop(self, file: int, span: Span) -> None:
        self._pushed_bytes -= span.size
        if _sync_range(file, span, _WAIT_WRITE_WAIT):
            drop_cached(file, span)


class FilesBehind:
    """Write-behind for files that are written one after another, and closed by their writers.

    Parameters
    ----------
    window_bytes
        As of `WriteBehind`, over all of them.
    """

    def __init__(self, window_bytes: int) -> None:
        self._window_bytes = window_bytes
        self._ended: deque[tuple[int, int]] = deque()
        self._ended_bytes = 0

    def begin(self) -> WriteBehind:
        """Return what is to be told of the next file while it is written."""
        return WriteBehind(self._window_bytes)

    def end(self, file: int, size: int) -> None:
        """Take over a file that is written, all of it pushed; raises ``OSError``."""
        self._ended.append((os.dup(file), size))
        self._ended_bytes += size
        while self._ended_bytes > self._window_bytes or len(self._ended) > _MOST_ENDED:
            self._drop_oldest()

    def close(self) -> None:
        """Let go of all files; what is still on its way to disk goes on."""
        while self._ended:
            os.close(self._ended.popleft()[0])

    def __del__(self) -> None:
        self.close()

    def _drop_oldest(self) -> None:
        file, size = self._ended.popleft()
        self._ended_bytes -= size
        try:
            span = Span(0, size)
            if _sync_range(file, span, _WAIT_WRITE_WAIT):
                drop_cached(file, span)
        finally:
            os.close(file)


def drop_cached(file: int, span: Span) -> None:
    """Let the page cache forget a range of a file that is on disk."""
    if hasattr(os, "posix_fadvise"):
        try:
            os.posix_fadvise(file, span.offset, span.size, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            _log.debug("posix_fadvise: %s", error.strerror)


def reserve(file: int, size: int) -> None:
    """Make a file ``size`` bytes long, its space reserved where the file system can.

    Writing into reserved space takes less of a processor, too, than into a hole. Not
    ``os.posix_fallocate``: where a file system has no such thing, that writes every block.

    Raises
    ------
    OSError
        If there is not enough space.
    """
    fallocate = libc_function("fallocate")
    if fallocate is not None:
        while fallocate(file, 0, ctypes.c_int64(0), ctypes.c_int64(size)) != 0:
            code = ctypes.get_errno()
            if code != errno.EINTR:
                break
        else:
            return
        if code not in _FALLOCATE_UNSUPPORTED:
            raise OSError(code, os.strerror(code))
        _log.debug("fallocate: %s", os.strerror(code))
    os.ftruncate(file, size)


def make_sparse(file: int, size: int) -> None:
    """Make a file ``size`` bytes long without taking its space.

    Raises
    ------
    OSError
        If so much is not free now.
    """
    system = os.fstatvfs(file)
    # Without a limit a file system in memory has no blocks.
    if system.f_blocks and system.f_bavail * system.f_frsize < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(file, size)


def _sync_range(file: int, span: Span, flags: int) -> bool:
    """Call sync_file_range; False where it is not to be had."""
    sync_file_range = libc_function("sync_file_range")
    if sync_file_range is None:
        return False
    offset, size = ctypes.c_int64(span.offset), ctypes.c_int64(span.size)
    if sync_file_range(file, offset, size, ctypes.c_uint(flags)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _SYNC_UNSUPPORTED:
        _log.debug("sync_file_range: %s", os.strerror(code))
        return False
    raise OSError(code, os.strerror(code))
