"""The journal of a build: which rows are done, with their checksums, and which images are bad.

SQLite, written by the parent alone. A row is noted as done only once its bytes are on disk, so
that whatever ends a build, power included, the journal never claims what is not there.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.errors import JournalError, StreamcalibError
from streamcalib.journal_files import discard
from streamcalib.rowfacts import COLUMNS
from streamcalib.sqlite_errors import in_words
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Self

    from numpy.typing import NDArray

_APPLICATION_ID = 0x53434A4C
_VERSION = 2
_FIELDS = [name for name in COLUMNS.names or () if name not in ("source", "done")]
_SCHEMA = {
    "facts": "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "done": "CREATE TABLE done (row INTEGER PRIMARY KEY, "
    + ", ".join(f"{name} INTEGER NOT NULL" for name in _FIELDS)
    + ")",
    "failed": "CREATE TABLE failed (source INTEGER PRIMARY KEY, reason TEXT NOT NULL)",
}
_NOTE = f"INSERT OR REPLACE INTO done VALUES (?{', ?' * len(_FIELDS)})"  # noqa: S608
_WRITE_FACT = "INSERT OR REPLACE INTO facts VALUES (?, ?)"
_ROWS_AT_ONCE = 4096
# Workers go on while the parent waits for the disk, and write no more than they would have anyway:
# what a commit costs is small beside its time.
_LEAST_SECONDS = 1.0
_TIMES_ITS_COST = 2

_log = logging.getLogger(__name__)


class Journal:
    """What is known of a build's rows, on disk.

    Parameters
    ----------
    path
        Its file, ``journal.sqlite``.
    facts
        Make a new one with these, kept as JSON; without them, one that is there is opened.

    Raises
    ------
    JournalError
        If the file is not a journal that this version understands, or is damaged.
    StoppedError
        If it cannot be written.
    """

    def __init__(self, path: Path, *, facts: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._pending: list[NDArray[Any]] = []
        self._pending_failed: list[tuple[int, str]] = []
        self._pending_facts: dict[str, Any] = {}
        self._last, self._cost = time.monotonic(), 0.0
        with self._told():
            # One process, and a thread at a time.
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with self._told():
                self._configure()
                if facts is None:
                    self._check()
                self._choose_log()
                if facts is not None:
                    self._create(facts)
        except BaseException:
            self._database.close()
            raise

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """Open the journal at ``path``; None if there is none, or none that was ever begun."""
        if path.is_dir():
            raise JournalError(f"the journal {printable(str(path))} is a folder.")
        if not path.exists() or not path.stat().st_size:
            return None
        try:
            return cls(path)
        except _NeverBegun:
            return None

    @classmethod
    def create(cls, path: Path, facts: Mapping[str, Any]) -> Self:
        """Begin a journal; what was there is discarded. ``facts`` are kept as JSON."""
        discard(path)
        return cls(path, facts=facts)

    def _configure(self) -> None:
        execute = self._database.execute
        # The file lies where others may write: what it brings along is data, and is not run.
        execute("PRAGMA trusted_schema = OFF")
        execute("PRAGMA cell_size_check = ON")
        # Alone, SQLite needs no memory shared through a file, which network file systems lack.
        execute("PRAGMA locking_mode = EXCLUSIVE")
        execute("PRAGMA synchronous = FULL")

    def _choose_log(self) -> None:
        chosen = self._database.execute("PRAGMA journal_mode = WAL").fetchone()
        _log.debug("journal_mode is %s", chosen[0])

    def _create(self, facts: Mapping[str, Any]) -> None:
        execute = self._database.execute
        # In one step: whatever ends it, there is a journal with its facts, or none.
        with self._transaction() as execute_many:
            execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            execute(f"PRAGMA user_version = {_VERSION}")
            for statement in _SCHEMA.values():
                execute(statement)
            execute_many(_WRITE_FACT, _as_json(facts))

    def _check(self) -> None:
        execute = self._database.execute
        shown = printable(str(self._path))
        schema = dict(execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        if execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
            if not schema:
                raise _NeverBegun
            raise JournalError(f"{shown} is not the journal of a build.")
        version = execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            raise JournalError(
                f"the journal {shown} has version {version}, and this streamcalib reads version "
                f"{_VERSION}: finish the build with the streamcalib that began it."
            )
        if schema != _SCHEMA:
            raise JournalError(f"the journal {shown} is damaged: its tables are not its own.")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what SQLite meets in this package's exceptions."""
        shown = printable(str(self._path))
        try:
            yield
        except StreamcalibError:
            raise
        except sqlite3.Error as error:
            raise in_words(error, shown) from error
        except (ValueError, OverflowError) as error:
            raise JournalError(f"the journal {shown} is damaged: {error}.") from error

    def facts(self) -> dict[str, Any]:
        """Return what was written with `write_facts`."""
        with self._told():
            stored = self._database.execute("SELECT name, value FROM facts")
            try:
                return {name: json.loads(value) for name, value in stored}
            except (TypeError, RecursionError) as error:
                raise ValueError(f"its facts are amiss ({error})") from error

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Write named values, as JSON, over those of the same names."""
        with self._told(), self._transaction() as execute_many:
            execute_many(_WRITE_FACT, _as_json(facts))

    def count(self) -> int:
        """Return how many rows are done."""
        with self._told():
            return int(self._database.execute("SELECT count(*) FROM done").fetchone()[0])

    def load(self, columns: NDArray[Any]) -> None:
        """Fill in the rows that are done, in an array of `COLUMNS`, one a row of the build.

        Raises
        ------
        JournalError
            If the journal knows a row that there is none of, or of what cannot be.
        """
        with self._told():
            stored = self._database.execute(
                f"SELECT row, {', '.join(_FIELDS)} FROM done ORDER BY row"  # noqa: S608
            )
            while block := stored.fetchmany(_ROWS_AT_ONCE):
                facts = np.array(block)
                if facts.dtype != np.int64:
                    raise ValueError("what it knows of a row is no number")
                rows = facts[:, 0]
                if rows.min() < 0 or rows.max() >= len(columns):
                    raise ValueError("it knows rows beyond the set's end")
                for place, name in enumerate(_FIELDS, 1):
                    columns[name][rows] = facts[:, place]
                    if (columns[name][rows] != facts[:, place]).any():
                        raise ValueError(f"what it knows of a row's {name} cannot be")
                columns["source"][rows] = rows
                columns["done"][rows] = 1

    def note(self, rows: NDArray[np.int64], columns: NDArray[Any]) -> None:
        """Note rows that were written, (k,) and (k,) of `COLUMNS`, for the next `commit`."""
        if len(rows):
            facts = [rows, *(columns[name] for name in _FIELDS)]
            self._pending.append(np.column_stack([fact.astype(np.int64) for fact in facts]))

    def note_facts(self, facts: Mapping[str, Any]) -> None:
        """Note named values, as `write_facts` writes them, with the next rows or bad images."""
        self._pending_facts.update(facts)

    def fail(self, source: int, reason: str) -> None:
        """Note a bad image, for the next `commit`."""
        self._pending_failed.append((source, reason))

    @property
    def is_due(self) -> bool:
        """Whether it is time for a `commit`."""
        waited = time.monotonic() - self._last
        return waited >= max(_LEAST_SECONDS, _TIMES_ITS_COST * self._cost)

    def commit(self, make_durable: Callable[[], None]) -> None:
        """Call ``make_durable``, which is to bring all written rows to disk, then note them.

        Raises
        ------
        OSError
            From ``make_durable``; nothing is noted then.
        StoppedError
            If the journal cannot be written.
        """
        started = time.monotonic()
        if self._pending or self._pending_failed:
            make_durable()
            with self._told(), self._transaction() as execute_many:
                for block in self._pending:
                    execute_many(_NOTE, block.tolist())
                execute_many("INSERT OR REPLACE INTO failed VALUES (?, ?)", self._pending_failed)
                execute_many(_WRITE_FACT, _as_json(self._pending_facts))
            self._pending, self._pending_failed, self._pending_facts = [], [], {}
        self._last = time.monotonic()
        self._cost = self._last - started

    def forget(self, rows: NDArray[np.int64]) -> None:
        """Note that rows are not done after all."""
        with self._told(), self._transaction() as execute_many:
            execute_many("DELETE FROM done WHERE row = ?", rows.reshape(-1, 1).tolist())

    def failures(self) -> dict[int, str]:
        """Return the bad images: index of the source to reason."""
        with self._told():
            stored = self._database.execute("SELECT source, reason FROM failed")
            return {int(source): str(reason) for source, reason in stored}

    def forget_failures(self) -> None:
        """Forget all bad images; they are tried again."""
        with self._told(), self._transaction() as execute_many:
            execute_many("DELETE FROM failed", [()])

    @contextmanager
    def _transaction(self) -> Iterator[Callable[[str, list[Any]], Any]]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database.executemany
            self._database.execute("COMMIT")
        except BaseException:
            # A full disk may have ended it already.
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file; what was not committed is forgotten."""
        with self._told():
            self._database.close()


class _NeverBegun(Exception):  # noqa: N818
    """A database with nothing in it: a build ended as it made its journal."""


def _as_json(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, json.dumps(value)) for name, value in facts.items()]
