"""What SQLite meets, in this package's exceptions: a damaged file, a full disk, another process."""

from __future__ import annotations

import errno
import os
import sqlite3

from streamcalib.errors import JournalError, StoppedError, StreamcalibError

_BEYOND_IT = frozenset(
    {
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_PROTOCOL),
        *(sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_NOLFS),
    }
)
"""What SQLite answers when the file is sound, and the world stands in its way."""
_IN_USE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def in_words(error: sqlite3.Error, shown: str) -> StreamcalibError:
    """Return the exception for what SQLite met with the journal ``shown``."""
    # The upper bits say which of its kind it is.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _IN_USE:
        return StoppedError(f"the journal {shown} is in use by another process: wait for its end.")
    if code not in _BEYOND_IT:
        return JournalError(f"the journal {shown} is damaged: {error}.")
    reason = os.strerror(errno.ENOSPC) if code == sqlite3.SQLITE_FULL else str(error)
    return StoppedError(
        f"the journal {shown} cannot be written: {reason}. Free space or mend the volume, then run "
        "the same command again."
    )
