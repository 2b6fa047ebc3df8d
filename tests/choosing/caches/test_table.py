"""Databases of one table, which may be damaged or somebody else's."""

from __future__ import annotations

import os
import sqlite3
import struct
from contextlib import closing

import pytest

from streamcalib.choosing.caches import table
from streamcalib.choosing.caches.table import open_table

TABLE = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, data BLOB)"
SEVERAL = bytes.fromhex("d9d505f920a163d7")


def opened(path, most_bytes=1000):
    return closing(open_table(path, TABLE, most_bytes=most_bytes, busy_seconds=5))


def names(path):
    with opened(path) as rows:
        return [name for (name,) in rows.execute("SELECT name FROM things")]


@pytest.fixture
def path(tmp_path):
    """A database with one line."""
    with opened(tmp_path / "kept.sqlite") as rows, rows:
        rows.execute("INSERT INTO things VALUES ('one', x'00')")
    return tmp_path / "kept.sqlite"


def test_what_is_kept_is_found(path):
    """Opening it again takes nothing away."""
    assert names(path) == names(path) == ["one"]


@pytest.mark.parametrize(
    "foreign",
    [
        "CREATE TRIGGER t AFTER INSERT ON things BEGIN DELETE FROM things; END",
        "CREATE TABLE more (a)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE INDEX i ON things (data)",
        "ALTER TABLE things ADD COLUMN more",
    ],
)
def test_another_database_makes_way(path, foreign):
    """Whatever else it brings along is not run."""
    with closing(sqlite3.connect(path)) as rows:
        rows.execute(foreign)
    assert names(path) == []


def test_a_view_in_the_tables_place_makes_way(tmp_path):
    """As any other database."""
    with closing(sqlite3.connect(tmp_path / "v.sqlite")) as rows:
        rows.execute("CREATE VIEW things AS SELECT 'two' AS name, x'00' AS data")
    assert names(tmp_path / "v.sqlite") == []


@pytest.mark.parametrize("ending", ["", "-journal"])
def test_a_damaged_one_makes_way(path, ending):
    """With the log that belonged to it."""
    path.write_bytes(b"no database" * 1000)
    path.with_name(f"kept.sqlite{ending}").write_bytes(b"no database" * 1000)
    assert names(path) == []
    assert sorted(file.name for file in path.parent.iterdir()) == ["kept.sqlite"]


def test_what_is_too_large_is_not_read(path):
    """However large somebody made it."""
    with closing(sqlite3.connect(path)) as rows, rows:
        rows.execute("UPDATE things SET data = zeroblob(1000000)")
    with opened(path) as rows, pytest.raises(sqlite3.DataError):
        rows.execute("SELECT data FROM things").fetchall()
    with opened(path, 1_000_000) as rows:
        assert len(rows.execute("SELECT data FROM things").fetchall()) == 1


def test_a_journal_that_names_another_file_removes_nothing(path):
    """SQLite would take that file for one of its own, and delete it."""
    victim = path.with_name("photographs.txt")
    victim.write_text("precious")
    name = os.fsencode(victim)
    header = SEVERAL + struct.pack(">IIIII", 0, 1, path.stat().st_size // 4096, 512, 4096)
    signed = sum(byte - 256 if byte > 127 else byte for byte in name) & 0xFFFFFFFF
    ending = struct.pack(">I", 2**30 // 4096 + 1) + name + struct.pack(">II", len(name), signed)
    path.with_name("kept.sqlite-journal").write_bytes(header.ljust(512, b"\0") + ending + SEVERAL)
    names(path)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("name", ["kept.sqlite", "kept.sqlite-journal", "kept.sqlite-wal"])
@pytest.mark.parametrize("what", ["folder", "pipe", "link to nothing"])
def test_only_regular_files_are_opened(tmp_path, name, what):
    """Nothing is waited for, and nothing removed."""
    file = tmp_path / name
    if what == "folder":
        file.mkdir()
    elif what == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to(tmp_path / "nothing")
    with pytest.raises(OSError, match=f"{name} is no regular file"):
        names(tmp_path / "kept.sqlite")
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_log_is_no_link(path):
    """Though the database may be one: somebody may have put it on another volume."""
    kept = path.rename(path.with_name("moved.sqlite"))
    path.symlink_to(kept)
    assert names(path) == ["one"]
    path.with_name("kept.sqlite-journal").symlink_to(kept)
    with pytest.raises(OSError, match=r"kept\.sqlite-journal is no regular file"):
        names(path)
    assert names(kept) == ["one"]


def test_one_that_another_process_put_in_its_place_stays(path, monkeypatch):
    """It found the damage first."""
    new = path.rename(path.with_name("new.sqlite"))
    path.write_bytes(b"no database" * 1000)
    opened_first = table._opened

    def replaced_meanwhile(*given):
        try:
            return opened_first(*given)
        finally:
            if new.exists():
                new.replace(path)

    monkeypatch.setattr(table, "_opened", replaced_meanwhile)
    assert names(path) == ["one"]


def test_a_folder_that_keeps_nothing_is_refused(tmp_path):
    """At once, and not where something is first written."""
    with pytest.raises(sqlite3.OperationalError):
        names(tmp_path / "no/such.sqlite")
