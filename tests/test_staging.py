"""The staging folder: one job's own, and what becomes of it."""

from __future__ import annotations

import os
from contextlib import closing

import numpy as np
import pytest

from messages import text_of
from streamcalib.errors import JournalError, OutputError, StoppedError
from streamcalib.journal import Journal
from streamcalib.lock import OWNER_NAME
from streamcalib.rowfacts import COLUMNS
from streamcalib.staging import ELSEWHERE_NAME, Elsewhere, foreign_files, staging_folder


class PulledPlug(BaseException):
    """Nothing that a program could handle."""


def make_journal(path, rows: int) -> None:
    with closing(Journal.create(path, {})) as journal:
        journal.note(np.arange(rows), np.zeros(rows, COLUMNS))
        journal.commit(lambda: None)


def contents(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != OWNER_NAME)


def test_a_staging_folder_is_one_builds_own(tmp_path):
    """While it is held nobody else gets it; afterwards it is gone, and free."""
    out = tmp_path / "calib.npy"
    with staging_folder(out) as folder:
        assert folder == tmp_path / "calib.npy.build"
        (folder / "rows.npy").write_text("mine")
        with (
            pytest.raises(StoppedError, match=r"another build of .* is running: process "),
            staging_folder(out),
        ):
            pass
        assert (folder / "rows.npy").read_text() == "mine"
        with staging_folder(tmp_path / "other.npy") as other:
            assert other != folder
    assert list(tmp_path.iterdir()) == []
    with staging_folder(out) as folder:
        assert contents(folder) == []


def test_what_is_left_in_a_staging_folder_is_not_used(tmp_path):
    """A build that died may have left anything; the next one begins with nothing."""
    left = tmp_path / "calib.npy.build"
    left.mkdir()
    (left / "rows.npy").write_text("half")
    with staging_folder(tmp_path / "calib.npy") as folder:
        assert contents(folder) == []


@pytest.mark.parametrize("error", [PulledPlug, KeyboardInterrupt, ValueError])
def test_a_staging_folder_goes_whatever_happens(tmp_path, error):
    """Interrupts and defects leave nothing, and pass through as they are."""

    def fail():
        with staging_folder(tmp_path / "calib.npy") as folder:
            (folder / "rows.npy").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_build_is_not_emptied(tmp_path):
    """A job that wants an empty folder is refused where rows of a build lie, and told of them."""
    folder = tmp_path / "calib.npy.build"
    folder.mkdir()
    make_journal(folder / "journal.sqlite", rows=3)
    with pytest.raises(OutputError) as caught, staging_folder(tmp_path / "calib.npy"):
        pass
    assert text_of(caught.value) == (
        f"an unfinished build of calib.npy lies in {folder}, with 3 rows done: finish it with its "
        "own command, remove that folder, or choose another --out."
    )
    assert contents(folder) == ["journal.sqlite"]


def test_an_unfinished_build_whose_journal_is_elsewhere_is_not_emptied(tmp_path):
    """Nor is one whose journal is in a folder for state, here or on another host."""
    folder, state = tmp_path / "calib.npy.build", tmp_path / "state"
    folder.mkdir()
    state.mkdir()
    Elsewhere(state / "journal.sqlite", "token").write(folder)
    with pytest.raises(OutputError, match=r"with its journal in .*state of another host"):
        staging_folder(tmp_path / "calib.npy").__enter__()
    make_journal(state / "journal.sqlite", rows=1)
    with pytest.raises(OutputError, match="with 1 row done"):
        staging_folder(tmp_path / "calib.npy").__enter__()
    assert contents(folder) == ["journal.path"]


def test_a_damaged_journal_is_no_empty_folder(tmp_path):
    """Nobody can tell what it stands for; the message says what to do."""
    folder = tmp_path / "calib.npy.build"
    folder.mkdir()
    (folder / "journal.sqlite").write_text("no database, and long enough to be taken for one" * 99)
    with pytest.raises(JournalError, match=r"is damaged: .* remove that folder, or choose"):
        staging_folder(tmp_path / "calib.npy").__enter__()


def test_a_build_that_was_never_begun_is_in_nobodys_way(tmp_path):
    """A journal without rows holds nothing back."""
    folder = tmp_path / "calib.npy.build"
    folder.mkdir()
    make_journal(folder / "journal.sqlite", rows=0)
    with staging_folder(tmp_path / "calib.npy"):
        assert contents(folder) == []


@pytest.mark.parametrize(
    "name", ["journal.sqlite-journal", "owner.json.0123.now", ".journal.path.part77", "set.npz"]
)
def test_what_a_build_may_leave_is_its_own(tmp_path, name):
    """Whatever moment it was ended at, the next build is not told of a foreign file."""
    folder = tmp_path / "calib.npy.build"
    folder.mkdir()
    (folder / name).touch()
    assert foreign_files(tmp_path / "calib.npy") == []
    with staging_folder(tmp_path / "calib.npy"):
        assert contents(folder) == []
    assert not folder.exists()


def test_what_does_not_say_where_the_journal_is_is_told(tmp_path):
    """Nobody waits for a pipe, or reads without end; the message says how to go on."""
    note = tmp_path / ELSEWHERE_NAME
    os.mkfifo(note)
    with pytest.raises(JournalError, match="Say --restart to build anew, or remove that folder"):
        Elsewhere.read(tmp_path)
    note.unlink()
    note.write_bytes(b"x" * 100_000)
    with pytest.raises(JournalError) as caught:
        Elsewhere.read(tmp_path)
    text_of(caught.value)


def test_where_a_journal_is_is_read_back(tmp_path):
    """Whatever bytes its path is made of."""
    for name in (b"a", b"line\nbreak", b"\xff\xfe", b"x" * 200):
        written = Elsewhere(tmp_path / os.fsdecode(name), "0123")
        written.write(tmp_path)
        assert Elsewhere.read(tmp_path) == written
    assert [path.name for path in tmp_path.iterdir()] == [ELSEWHERE_NAME]
