"""Hashes kept in a cache folder, so that an image is hashed once."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.choosing.caches.folder import open_kept
from streamcalib.choosing.caches.table import discard, open_table
from streamcalib.choosing.dedupe.hashing import HASH_BYTES
from streamcalib.images.places import is_own_memory
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from streamcalib.images.stamp import Stamp

# Another rule for hashes needs another name.
_FILE = "hashes-1.sqlite"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS hashes (place BLOB PRIMARY KEY, bytes INTEGER NOT NULL, "
    "number INTEGER NOT NULL, hashes BLOB) WITHOUT ROWID"
)
_BUSY_SECONDS = 5.0
_MOST_BYTES = 2**10

_log = logging.getLogger(__name__)


class Hashed(NamedTuple):
    """An image's hashes, or None if it is bad, and what it was when it was hashed.

    Attributes
    ----------
    size, number
        As in `Stamp`; its size in bytes.
    """

    size: int
    number: int
    hashes: bytes | None


class HashCache:
    """Hashes by place, in a file that can be deleted at any time.

    Where it cannot be read or written, nothing is found and nothing is kept, which costs only
    time. A damaged one is removed.

    Parameters
    ----------
    cache
        The folder; by default, and where that cannot be used, `streamcalib` in the user's cache
        folder.
    """

    def __init__(self, cache: str | os.PathLike[str] | None = None) -> None:
        self._cache = cache
        self._file: Path | None = None
        self._rows: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        opened = open_kept(self._cache, _FILE, self._opened)
        if opened is not None:
            self._file, self._rows = opened
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rows is not None:
            with suppress(sqlite3.Error):
                self._rows.close()
            self._rows = None

    @property
    def is_kept(self) -> bool:
        """Whether a later run finds what is made now."""
        return self._rows is not None

    def _opened(self, file: Path) -> sqlite3.Connection:
        return open_table(file, _TABLE, most_bytes=_MOST_BYTES, busy_seconds=_BUSY_SECONDS)

    def find(self, place: str, stamp: Stamp | None) -> Hashed | None:
        """Return what is kept of an image that is still what it was."""
        if self._rows is None or stamp is None or is_own_memory(place):
            return None
        try:
            query = "SELECT bytes, number, hashes FROM hashes WHERE place = ?"
            row = self._rows.execute(query, (os.fsencode(place),)).fetchone()
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        if row is None or row[:2] != (stamp.bytes, stamp.number):
            return None
        hashes = row[2]
        if hashes is not None and not (isinstance(hashes, bytes) and len(hashes) == HASH_BYTES):
            return None
        return Hashed(*row)

    def keep(self, hashed: Iterable[tuple[str, Hashed]]) -> None:
        """Keep hashes by place, in one transaction."""
        if self._rows is None:
            return
        values = [
            (os.fsencode(place), one.size, one.number, one.hashes)
            for place, one in hashed
            if not is_own_memory(place)
        ]
        try:
            with self._rows:
                self._rows.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", values)
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        shown = printable(str(self._file))
        _log.warning("hashes are no longer kept in %s: %s", shown, printable(str(error)))
        rows, self._rows = self._rows, None
        if rows is not None:
            with suppress(sqlite3.Error):
                rows.close()
        damaged = isinstance(error, sqlite3.DatabaseError)
        if damaged and not isinstance(error, sqlite3.OperationalError) and self._file is not None:
            with suppress(OSError):
                discard(self._file)
