"""How it is kept: a database of one table, which may have come from elsewhere."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_PLACE = 2**17
# How a journal ends that speaks of several databases.
_ENDING_OF_SEVERAL = bytes.fromhex("d9d505f920a163d7")
_SIDE_FILES = ("-wal", "-shm", "-journal")


def open_table(
    path: Path, table: str, *, most_bytes: int, busy_seconds: float
) -> sqlite3.Connection:
    """Open a database that can be written, and make it if it is not there.

    One that is damaged, or holds anything else than the table, makes way for a new one.

    Parameters
    ----------
    table
        The statement that makes its only table.
    most_bytes
        Limit on what a line holds besides a place; longer ones are not read.
    busy_seconds
        How long other processes are waited for.

    Raises
    ------
    OSError
        If something else is in its place.
    sqlite3.Error
        If SQLite cannot work there.
    """
    before = _status(path)
    try:
        return _opened(path, table, most_bytes, busy_seconds)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        # Another process may have put a new one in its place already.
        now = _status(path)
        if before is None or now is None or os.path.samestat(before, now):
            discard(path)
    return _opened(path, table, most_bytes, busy_seconds)


def _opened(path: Path, table: str, most_bytes: int, busy_seconds: float) -> sqlite3.Connection:
    _check_files(path)
    rows = sqlite3.connect(path, timeout=busy_seconds)
    try:
        rows.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, most_bytes + _LONGEST_PLACE)
        # What a file brings along is data, and is not run.
        rows.execute("PRAGMA trusted_schema = OFF")
        rows.execute("PRAGMA cell_size_check = ON")
        # What a power cut takes can be made again.
        rows.execute("PRAGMA synchronous = NORMAL")
        rows.execute(table)
        if _schema(rows) != _schema_of(table):
            raise sqlite3.DatabaseError("its tables are not its own")
        # Any other statement so far may have written nothing: where that fails, it fails here.
        rows.execute("PRAGMA user_version = 1")
    except BaseException:
        rows.close()
        raise
    return rows


def _check_files(path: Path) -> None:
    for ending in ("", *_SIDE_FILES):
        file = path.with_name(path.name + ending)
        # Others may come and go meanwhile: each is looked at once.
        status = _status(file, follow=not ending) or _status(file, follow=False)
        if status is not None and not stat.S_ISREG(status.st_mode):
            raise OSError(f"{file.name} is no regular file")
    with suppress(FileNotFoundError), path.with_name(f"{path.name}-journal").open("rb") as journal:
        journal.seek(max(0, journal.seek(0, os.SEEK_END) - len(_ENDING_OF_SEVERAL)))
        # It names a further file, which SQLite would remove; none of ours does.
        if journal.read() == _ENDING_OF_SEVERAL:
            raise sqlite3.DatabaseError("its journal is not its own")


def _status(path: Path, *, follow: bool = True) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return path.stat(follow_symlinks=follow)
    return None


def _schema(rows: sqlite3.Connection) -> list[tuple[str, str, str]]:
    return rows.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    ).fetchall()


def _schema_of(table: str) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as rows:
        rows.execute(table)
        return _schema(rows)


def discard(path: Path) -> None:
    """Remove a database, and what SQLite keeps beside it; raises ``OSError``."""
    # The log first: alone, it would be taken for the next file's.
    for ending in _SIDE_FILES:
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.unlink(missing_ok=True)
