"""The journal of a build, against a dict that forgets what was not committed."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import smallsets
from messages import text_of
from streamcalib.errors import JournalError, StoppedError
from streamcalib.journal import Journal
from streamcalib.journal_files import JOURNAL_NAMES, discard
from streamcalib.rowfacts import COLUMNS

ROWS = 12
FIELDS = [name for name in COLUMNS.names if name not in ("source", "done")]
FACTS = {"identity": {"list": "a.txt", "count": 3}, "low": [0, 1, 2]}


def extremes(name: str) -> st.SearchStrategy[int]:
    limits = np.iinfo(COLUMNS[name])
    low, high = int(limits.min), int(limits.max)
    return st.sampled_from([low, high, 0, 1, high // 2 + 1]) | st.integers(low, high)


facts_of_a_row = st.tuples(*(extremes(name) for name in FIELDS))


def columns_of(rows: dict[int, tuple[int, ...]]) -> np.ndarray:
    """Return records of the rows that are in ``rows``, in its order."""
    return np.array([(row, *values, 1) for row, values in rows.items()], COLUMNS)


def note(journal: Journal, rows: dict[int, tuple[int, ...]]) -> None:
    journal.note(np.array(list(rows), np.int64), columns_of(rows))


def known(journal: Journal, count: int = ROWS) -> dict[int, tuple[int, ...]]:
    """Return the rows that a journal knows."""
    columns = np.zeros(count, COLUMNS)
    journal.load(columns)
    rows = np.flatnonzero(columns["done"])
    assert journal.count() == len(rows)
    assert columns["source"][rows].tolist() == rows.tolist()
    return {int(row): columns[row].tolist()[1:-1] for row in rows}


def failures(path: Path) -> dict[int, str]:
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("SELECT * FROM failed"))


def nothing() -> None:
    pass


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / JOURNAL_NAMES[0]


@pytest.fixture
def written(path) -> Path:
    """A journal with three rows, one bad image, and facts."""
    with closing(Journal.create(path, FACTS)) as journal:
        note(journal, {0: (1,) * len(FIELDS), 2: (2,) * len(FIELDS), 5: (3,) * len(FIELDS)})
        journal.fail(1, "it is empty")
        journal.commit(nothing)
    return path


class JournalMachine(RuleBasedStateMachine):
    """Anything may come in any order; a dict says what must be known."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / JOURNAL_NAMES[0]

    @initialize()
    def create(self) -> None:
        self.journal = Journal.create(self.path, FACTS)
        self.facts = dict(FACTS)
        self.rows, self.failed = {}, {}
        self.pending, self.pending_failed, self.pending_facts = {}, {}, {}

    @rule(rows=st.dictionaries(st.integers(0, ROWS - 1), facts_of_a_row, max_size=4))
    def note(self, rows: dict[int, tuple[int, ...]]) -> None:
        note(self.journal, rows)
        self.pending |= rows

    @rule(
        source=st.integers(0, 2**63 - 1), reason=st.text(st.characters(exclude_categories=["Cs"]))
    )
    def fail(self, source: int, reason: str) -> None:
        self.journal.fail(source, reason)
        self.pending_failed[source] = reason

    @rule(value=st.lists(st.integers(0, 255), min_size=3, max_size=3))
    def note_facts(self, value: list[int]) -> None:
        self.journal.note_facts({"low": value})
        self.pending_facts["low"] = value

    @rule()
    def commit(self) -> None:
        synced = []
        self.journal.commit(lambda: synced.append(True))
        assert bool(synced) == bool(self.pending or self.pending_failed)
        if synced:
            self.rows |= self.pending
            self.failed |= self.pending_failed
            self.facts |= self.pending_facts
            self.pending, self.pending_failed, self.pending_facts = {}, {}, {}

    @rule()
    def commit_in_vain(self) -> None:
        def fail() -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        if self.pending or self.pending_failed:
            with pytest.raises(OSError, match="Input/output"):
                self.journal.commit(fail)
        self.check()

    @rule(rows=st.lists(st.integers(0, ROWS - 1), max_size=4))
    def forget(self, rows: list[int]) -> None:
        self.journal.forget(np.array(rows, np.int64))
        for row in rows:
            self.rows.pop(row, None)

    @rule()
    def forget_failures(self) -> None:
        self.journal.forget_failures()
        self.failed = {}

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        assert failures(self.path) == self.failed
        self.pending, self.pending_failed, self.pending_facts = {}, {}, {}
        self.journal = Journal.open(self.path)

    @rule()
    def die(self) -> None:
        """What another process finds in the files is what was committed."""
        with TemporaryDirectory() as elsewhere:
            for file in self.path.parent.iterdir():
                (Path(elsewhere) / file.name).write_bytes(file.read_bytes())
            with closing(Journal.open(Path(elsewhere) / self.path.name)) as found:
                assert known(found) == self.rows

    @precondition(lambda self: hasattr(self, "journal"))
    @rule()
    def check(self) -> None:
        assert known(self.journal) == self.rows
        assert self.journal.facts() == self.facts

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.check()
            self.journal.close()
        self.folder.cleanup()


TestAnySequence = JournalMachine.TestCase
TestAnySequence.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)


def test_what_is_noted_again_is_noted_as_it_is_now(written):
    """A row that was made again has its new facts alone."""
    with closing(Journal.open(written)) as journal:
        note(journal, {2: (9,) * len(FIELDS)})
        journal.commit(nothing)
        assert known(journal)[2] == (9,) * len(FIELDS)
        assert len(known(journal)) == 3


def test_a_journal_that_is_not_there_is_none(path):
    """Nor is one that was never begun; nothing is made by looking."""
    assert Journal.open(path) is None
    assert list(path.parent.iterdir()) == []
    path.touch()
    assert Journal.open(path) is None


def test_a_journal_whose_making_was_cut_short_is_none(path):
    """A build that died as it made its journal, before the tables were there, has none."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    assert Journal.open(path) is None


def test_tables_and_facts_come_in_one_step(path, monkeypatch):
    """Whatever ends the making, no journal is left that lacks its facts."""
    with pytest.raises(TypeError):
        Journal.create(path, {"identity": object()})
    assert Journal.open(path) is None


def test_a_new_journal_takes_nothing_over(written):
    """Creating discards what is there, with the logs that SQLite would play back."""
    for name in JOURNAL_NAMES[1:]:
        written.with_name(name).write_bytes(b"left behind" * 1000)
    with closing(Journal.create(written, {})) as journal:
        assert known(journal) == {}
        assert journal.facts() == {}


def test_discarding_takes_every_file(written):
    """With all that SQLite keeps beside it; what is not there is no error."""
    for name in JOURNAL_NAMES:
        written.with_name(name).touch()
    discard(written)
    assert list(written.parent.iterdir()) == []
    discard(written)


def test_a_row_beyond_the_end_is_damage(written):
    """A journal of a longer list is not that of a shorter one."""
    with closing(Journal.open(written)) as journal, pytest.raises(JournalError) as caught:
        known(journal, 5)
    assert text_of(caught.value).endswith(" is damaged: it knows rows beyond the set's end.")


@pytest.mark.parametrize(
    "value", ["-1", "4294967296", "'abc'", "x'00'", "1.5", "9223372036854775807"]
)
def test_values_that_no_row_has_are_damage(written, value):
    """They are neither wrapped nor cut to fit."""
    with closing(sqlite3.connect(written)) as database, database:
        database.execute(f"UPDATE done SET height = {value} WHERE row = 2")
    with closing(Journal.open(written)) as journal, pytest.raises(JournalError, match="damaged"):
        known(journal)


@pytest.mark.parametrize("value", ["{", "[" * 100_000, b"\xff", "nan,"])
def test_facts_that_are_no_json_are_damage(written, value):
    """They are refused as what they are."""
    with closing(sqlite3.connect(written)) as database, database:
        database.execute("UPDATE facts SET value = ? WHERE name = 'low'", (value,))
    with closing(Journal.open(written)) as journal, pytest.raises(JournalError, match="damaged"):
        journal.facts()


def edited(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def test_a_foreign_database_is_refused_and_stays_as_it_is(path):
    """It is named in one sentence, and not one byte of it changes."""
    edited(path, "CREATE TABLE mine (a)")
    before = path.read_bytes()
    with pytest.raises(JournalError) as caught:
        Journal.open(path)
    assert text_of(caught.value) == f"{path} is not the journal of a build."
    assert path.read_bytes() == before


def test_a_later_version_is_named(written):
    """The message says what to do about it, and calls nothing damaged."""
    edited(written, "PRAGMA user_version = 7")
    with pytest.raises(JournalError) as caught:
        Journal.open(written)
    assert text_of(caught.value) == (
        f"the journal {written} has version 7, and this streamcalib reads version 2: finish the "
        "build with the streamcalib that began it."
    )


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE failed",
        "CREATE TABLE more (a)",
        "CREATE TRIGGER t AFTER INSERT ON done BEGIN DELETE FROM facts; END",
        "CREATE VIEW v AS SELECT * FROM done",
    ],
)
def test_other_tables_are_refused(written, statement):
    """What is in the file is data: no trigger or view of somebody else's comes to run."""
    edited(written, statement)
    with pytest.raises(JournalError) as caught:
        Journal.open(written)
    assert text_of(caught.value).endswith("is damaged: its tables are not its own.")


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" * 300])
def test_what_is_no_database_is_refused(path, content):
    """Whatever lies under the journal's name."""
    path.write_bytes(content)
    with pytest.raises(JournalError, match="damaged") as caught:
        Journal.open(path)
    text_of(caught.value)


@settings(max_examples=50)
@given(
    changes=st.lists(st.tuples(st.integers(0, 2**15), st.binary(min_size=1, max_size=40))),
    length=st.integers(1, 2**15),
)
def test_a_damaged_file_never_ends_otherwise(changes, length):
    """Bytes are changed and the end cut: it is refused as damaged, or read."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / JOURNAL_NAMES[0]
        with closing(Journal.create(path, FACTS)) as journal:
            note(journal, {row: (row,) * len(FIELDS) for row in range(ROWS)})
            journal.commit(nothing)
        data = bytearray(path.read_bytes())
        for start, content in changes:
            if start < len(data):
                data[start : start + len(content)] = content
        path.write_bytes(data[:length])
        with suppress(JournalError):
            journal = Journal.open(path)
            if journal is not None:
                with closing(journal):
                    known(journal)
                    journal.facts()


class FullDatabase:
    """A database whose volume is full, or what else SQLite says of it."""

    def __init__(self, database: sqlite3.Connection, code: int, words: str) -> None:
        self.database, self.code, self.words = database, code, words

    def __getattr__(self, name: str) -> object:
        return getattr(self.database, name)

    def executemany(self, *arguments: object) -> None:
        error = sqlite3.OperationalError(self.words)
        error.sqlite_errorcode = self.code
        raise error


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (sqlite3.SQLITE_FULL, "database or disk is full", "No space left on device"),
        (sqlite3.SQLITE_IOERR_WRITE, "disk I/O error", "disk I/O error"),
        (sqlite3.SQLITE_READONLY, "attempt to write a readonly database", "readonly database"),
    ],
)
def test_a_volume_that_fails_stops_the_build(written, code, words, told):
    """The message says why and what to do; what was committed before is still there."""
    with closing(Journal.open(written)) as journal:
        database = journal._database
        journal._database = FullDatabase(database, code, words)
        note(journal, {7: (7,) * len(FIELDS)})
        with pytest.raises(StoppedError, match=told) as caught:
            journal.commit(nothing)
        assert "run the same command again" in text_of(caught.value)
        journal._database = database
        assert sorted(known(journal)) == [0, 2, 5]
        journal.commit(nothing)
        assert sorted(known(journal)) == [0, 2, 5, 7]


def test_a_journal_that_may_not_grow_says_that_the_disk_is_full(written):
    """SQLite itself says so of a database at its limit, at the end of a transaction or before."""
    with closing(Journal.open(written)) as journal:
        pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
        journal._database.execute(f"PRAGMA max_page_count = {pages}")
        note(journal, dict.fromkeys(range(10_000), (200,) * len(FIELDS)))
        with pytest.raises(StoppedError, match="No space left on device"):
            journal.commit(nothing)
        assert sorted(known(journal)) == [0, 2, 5]


def test_a_full_volume_at_the_very_end_of_a_commit_takes_nothing_along(written, monkeypatch):
    """Where only the last step fails, nothing of the transaction is counted as done."""
    with closing(Journal.open(written)) as journal:
        database = journal._database

        class FullAtTheEnd(FullDatabase):
            executemany = property(lambda self: self.database.executemany)

            def execute(self, statement: str, *rest: object) -> sqlite3.Cursor:
                if statement == "COMMIT":
                    FullDatabase.executemany(self)
                return self.database.execute(statement, *rest)

        journal._database = FullAtTheEnd(database, sqlite3.SQLITE_FULL, "full")
        note(journal, {7: (7,) * len(FIELDS)})
        with pytest.raises(StoppedError, match="No space left on device"):
            journal.commit(nothing)
        assert journal.count() == 3
        journal._database = database
        journal.commit(nothing)
        assert journal.count() == 4


# Opens a journal in the working folder, and says what becomes of it.
OPEN = """
import sys, pathlib
from streamcalib.errors import StreamcalibError
from streamcalib.journal import Journal
try:
    Journal.open(pathlib.Path("journal.sqlite")).forget_failures()
except StreamcalibError as error:
    print(type(error).__name__, error)
"""


def test_a_read_only_journal_stops_the_build(written):
    """A file without permission to write is named, and is not called damaged."""
    written.chmod(0o444)
    written.parent.chmod(0o555)
    try:
        told = smallsets.run_without_privileges(cwd=written.parent, program=OPEN)
    finally:
        written.parent.chmod(0o755)
    assert told.out.startswith("StoppedError the journal journal.sqlite cannot be written: "), told


def test_a_journal_in_use_is_refused(written):
    """Two processes never write one journal."""
    with closing(Journal.open(written)) as journal:
        journal.write_facts({})
        told = smallsets.run(cwd=written.parent, program=OPEN)
    assert told.out == (
        "StoppedError the journal journal.sqlite is in use by another process: wait for its end.\n"
    )


class NoWal(sqlite3.Connection):
    """A database on a file system without what a write-ahead log needs."""

    def execute(self, statement: str, *rest: object) -> sqlite3.Cursor:
        if statement == "PRAGMA journal_mode = WAL":
            statement = "PRAGMA journal_mode"
        return super().execute(statement, *rest)


def test_without_a_write_ahead_log_it_works_all_the_same(path, monkeypatch):
    """SQLite then keeps a rollback journal, and that is one of the journal's files, too."""
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **options: connect(*args, factory=NoWal, **options)
    )
    with closing(Journal.create(path, FACTS)) as journal:
        note(journal, {3: (4,) * len(FIELDS)})
        journal.commit(nothing)
        assert {file.name for file in path.parent.iterdir()} <= set(JOURNAL_NAMES)
    with closing(Journal.open(path)) as journal:
        assert known(journal) == {3: (4,) * len(FIELDS)}


@pytest.mark.slow
def test_a_million_rows_are_noted_and_loaded(path):
    """Large sets have journals, too."""
    count = 1_000_000
    columns = np.zeros(count, COLUMNS)
    for place, name in enumerate(FIELDS):
        columns[name] = (np.arange(count) * (place + 1)).astype(COLUMNS[name])
    columns["source"], columns["done"] = np.arange(count), 1
    with closing(Journal.create(path, {})) as journal:
        journal.note(np.arange(count), columns)
        journal.commit(nothing)
    found = np.zeros(count, COLUMNS)
    with closing(Journal.open(path)) as journal:
        journal.load(found)
        assert journal.count() == count
    np.testing.assert_array_equal(found, columns)


def test_a_commit_is_due_after_a_second_or_twice_its_cost(path, monkeypatch):
    """A slow disk is asked less often."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def slow() -> None:
        now[0] += 5

    with closing(Journal.create(path, {})) as journal:
        assert not journal.is_due
        now[0] += 1
        assert journal.is_due
        journal.fail(0, "bad")
        journal.commit(slow)
        now[0] += 9.5
        assert not journal.is_due
        now[0] += 0.5
        assert journal.is_due
