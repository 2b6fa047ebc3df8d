"""Where a build's journal is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import smallsets
from messages import text_of
from streamcalib.building import statefolder
from streamcalib.building.statefolder import default_state, journal_path
from streamcalib.errors import BadImagesError, OutputError
from unfinished import begin, check_undisturbed, journal_of, kept, restore, small, spoil


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", 6)


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "calib.npy"


@pytest.fixture
def state(tmp_path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def network(monkeypatch) -> None:
    """Outputs lie on a network file system."""
    monkeypatch.setattr(statefolder, "file_system", lambda _path: "nfs4")


def journal_in(state: Path) -> Path:
    (journal,) = state.glob("calib.npy-*/journal.sqlite")
    return journal


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_users_folder_for_state(monkeypatch, tmp_path):
    """As the XDG Base Directory Specification has it; a relative one is none."""
    assert default_state({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state/streamcalib")
    monkeypatch.setenv("HOME", str(tmp_path))
    for environment in ({}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "state"}):
        assert default_state(environment) == tmp_path / ".local" / "state" / "streamcalib"


def test_without_a_home_a_folder_must_be_named(monkeypatch):
    """As in a container with a user that nobody knows."""

    def expanduser(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", expanduser)
    with pytest.raises(OutputError) as caught:
        default_state({})
    assert text_of(caught.value).endswith("choose a folder with --state.")


def test_the_journal_is_where_it_is_asked_for(paths, out, state, tmp_path):
    """Staged rows stay beside the output; in the end nothing is left in either place."""
    begin(paths, out, 3, state=state)
    assert files(journal_of(out).parent) == ["journal.path", "marks", "rows.npy"]
    assert kept(journal_in(state)) == [0, 1, 2]
    finished = small(paths, out, state=state)
    assert list(state.iterdir()) == []
    check_undisturbed(finished, paths, tmp_path)


def test_with_nothing_done_nothing_is_left_anywhere(paths, out, state):
    """Not even a folder for a journal that was never needed."""
    spoil(paths)
    with pytest.raises(BadImagesError):
        small(paths, out, state=state)
    assert list(out.parent.iterdir()) == []
    assert list(state.iterdir()) == []


def test_a_relative_folder_is_meant_from_where_the_command_is_run(
    paths, out, state, tmp_path, monkeypatch
):
    """As every relative path on a command line."""
    monkeypatch.chdir(tmp_path)
    begin(paths, out, 3, state="state")
    assert kept(journal_in(state)) == [0, 1, 2]
    check_undisturbed(small(paths, out, state=state), paths, tmp_path)


def test_outputs_of_one_name_have_journals_of_their_own(paths, state, tmp_path):
    """The key is the output's whole path."""
    for folder in ("a", "b"):
        begin(paths, tmp_path / folder / "calib.npy", 2, state=state)
    assert len(list(state.iterdir())) == 2


@pytest.mark.parametrize("later", [None, "other"])
def test_another_folder_afterwards_is_refused(paths, out, state, tmp_path, later):
    """Both places are named; nothing is lost, and --restart begins anew."""
    begin(paths, out, 3, state=state)
    journal = journal_in(state)
    later = later and tmp_path / later
    for options in ({}, {"recipe": smallsets.RECIPE}):
        with pytest.raises(OutputError) as caught:
            small(paths, out, state=later, **options)
        told = text_of(caught.value)
        assert told.startswith(f"the journal of the unfinished build is {journal}, and would be ")
        assert f"sought as {later or journal_of(out).parent}" in told
        assert told.endswith("on the same host; or --restart to build anew.")
    assert kept(journal) == [0, 1, 2]
    assert not (tmp_path / "other").exists()
    check_undisturbed(small(paths, out, state=later, restart=True), paths, tmp_path)


def test_a_folder_after_a_build_without_one_is_refused(paths, out, state):
    """The journal beside the output is not passed over, even for an old one elsewhere."""
    begin(paths, out, 5, state=state)
    for path in (journal_of(out).parent / "marks").iterdir():
        path.unlink()
    (journal_of(out).parent / "marks").rmdir()
    for path in journal_of(out).parent.iterdir():
        path.unlink()
    begin(paths, out, 2)
    with pytest.raises(OutputError, match=r"is .*calib.npy.build/journal.sqlite, and would be"):
        small(paths, out, state=state)
    assert kept(journal_of(out)) == [0, 1]


def test_a_journal_of_rows_that_were_removed_is_of_no_worth(paths, out, state, tmp_path, caplog):
    """With the staging folder removed by hand, a build begins anew, whatever it was."""
    caplog.set_level("INFO", "streamcalib")
    begin(paths, out, 5, state=state)
    for path in sorted(journal_of(out).parent.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    begin(paths, out, 2, state=state)
    caplog.clear()
    finished = small(paths, out, state=state)
    assert caplog.messages == ["2 of 6 rows kept"]
    check_undisturbed(finished, paths, tmp_path)


@pytest.mark.usefixtures("network")
def test_on_a_network_the_journal_is_on_this_machine(paths, out, tmp_path, monkeypatch):
    """SQLite must be able to trust what is under it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    begin(paths, out, 3)
    assert kept(journal_in(tmp_path / "home" / "streamcalib")) == [0, 1, 2]
    assert "journal.sqlite" not in files(journal_of(out).parent)
    check_undisturbed(small(paths, out), paths, tmp_path)


@pytest.mark.usefixtures("network")
def test_another_host_does_not_begin_anew_unasked(paths, out, tmp_path, monkeypatch):
    """There, under the same path, is no journal: the rows are not its own to discard."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    begin(paths, out, 3)
    (tmp_path / "home").rename(tmp_path / "elsewhere")
    rows = (journal_of(out).parent / "rows.npy").read_bytes()
    with pytest.raises(OutputError) as caught:
        small(paths, out)
    told = text_of(caught.value)
    assert told.startswith(f"the journal of the unfinished build was {tmp_path / 'home'}")
    assert "which is not there: say --state as the build was begun, on the same host" in told
    assert (journal_of(out).parent / "rows.npy").read_bytes() == rows
    (tmp_path / "elsewhere").rename(tmp_path / "home")
    check_undisturbed(small(paths, out), paths, tmp_path)


@pytest.mark.usefixtures("network")
def test_an_old_journal_is_not_taken_for_that_of_another_hosts_rows(
    paths, out, tmp_path, monkeypatch
):
    """Two hosts built in turn, each with a folder for state of its own under the same path."""
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    begin(paths, out, 5)
    home.rename(tmp_path / "first")
    begin(paths, out, 2, restart=True)
    home.rename(tmp_path / "second")
    (tmp_path / "first").rename(home)
    with pytest.raises(OutputError, match="which was begun on another host: go on there"):
        small(paths, out)
    home.rename(tmp_path / "first")
    (tmp_path / "second").rename(home)
    check_undisturbed(small(paths, out), paths, tmp_path)


def test_a_folder_that_cannot_be_made_is_told(paths, out, tmp_path):
    """With the way out; nothing is left behind."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        small(paths, out, state=tmp_path / "file")
    assert text_of(caught.value).endswith("Not a directory. Choose another --state.")
    assert list(out.parent.iterdir()) == []


def test_looking_for_a_journal_makes_nothing(tmp_path):
    """A dry run asks, too."""
    (tmp_path / "build").mkdir()
    found = journal_path(tmp_path / "build", tmp_path / "calib.npy", tmp_path / "state")
    assert not found.parent.exists()
    assert found.parent.parent == tmp_path / "state"


def test_what_is_left_elsewhere_of_a_finished_build_goes(paths, out, state, tmp_path, monkeypatch):
    """A build that died between publishing and tidying up has left a journal elsewhere, too."""
    monkeypatch.setattr(sys.modules["streamcalib.build"], "clear", lambda *_: None)
    small(paths, out, state=state)
    assert kept(journal_in(state)) == list(range(6))
    monkeypatch.undo()
    check_undisturbed(small(paths, out, state=state), paths, tmp_path)
    assert list(state.iterdir()) == []


def test_bad_images_are_remembered_nowhere_but_there(paths, out, state, tmp_path):
    """Everything that resuming needs is found by way of the note in the staging folder."""
    before = spoil([paths[2]])
    with pytest.raises(BadImagesError):
        small(paths, out, state=state)
    restore(before)
    os.utime(journal_of(out).parent / "journal.path", (1, 1))
    check_undisturbed(small(paths, out, state=state), paths, tmp_path)
