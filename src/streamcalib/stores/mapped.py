"""What the system may read ahead or forget of an array that is mapped from a file."""

from __future__ import annotations

import logging
import mmap
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.stores.writeback import Span, drop_cached

if TYPE_CHECKING:
    from numpy.typing import NDArray

# No smaller than what Linux keeps of a file in one piece.
_PIECE_BYTES = 2**22

_log = logging.getLogger(__name__)


class RowMapping:
    """Advice to the system on mapped rows; without it nothing is lost but time and page cache.

    Parameters
    ----------
    rows
        An array (N, ...); one that is not mapped from a file needs no advice.
    """

    def __init__(self, rows: NDArray[Any]) -> None:
        self._count = len(rows)
        self._row_bytes = rows[0].nbytes if self._count else 0
        self._pages = getattr(rows, "_mmap", None)
        if isinstance(rows, np.memmap) and rows.filename is not None and self._pages is not None:
            self._offset = int(rows.offset)
            self._path = os.fspath(rows.filename)
        else:
            self._pages = None

    def read_ahead(self, start: int, stop: int) -> None:
        """Let the system begin to read rows from disk."""
        if (span := self._span(start, stop)) is not None:
            self._advise("MADV_WILLNEED", span)

    def drop(self, start: int, stop: int, since: int = 0) -> None:
        """Let the system forget rows, in this process and in the page cache.

        To be called for one part after the other of the rows that are read from ``since`` on: what
        the cache holds in one piece goes as soon as the last of it was read.
        """
        before = max(since, start - -(-_PIECE_BYTES // max(1, self._row_bytes)))
        if (span := self._span(before, stop)) is None or not self._advise("MADV_DONTNEED", span):
            return
        try:
            file = os.open(self._path, os.O_RDONLY)
        except OSError:
            return
        try:
            drop_cached(file, span)
        finally:
            os.close(file)

    def _span(self, start: int, stop: int) -> Span | None:
        """Return the whole pages of some rows as a range of the file, if there are any."""
        stop = min(stop, self._count)
        if self._pages is None or start >= stop:
            return None
        first = self._offset + start * self._row_bytes
        end = self._offset + stop * self._row_bytes
        first -= first % mmap.PAGESIZE
        return Span(first, end - first)

    def _advise(self, name: str, span: Span) -> bool:
        advice = getattr(mmap, name, None)
        if advice is None or self._pages is None:
            return False
        # As numpy.memmap does, which maps from the last granule before its first element.
        begin = self._offset - self._offset % mmap.ALLOCATIONGRANULARITY
        try:
            self._pages.madvise(advice, span.offset - begin, span.size)
        except (OSError, ValueError) as error:
            _log.debug("madvise: %s", error)
            return False
        return True
