"""Files written in one step."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.durable import obstacle, replaced, sync, write_text


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    """A reader sees the old contents up to the end, then the new ones, and no other file."""
    path = tmp_path / "file.txt"
    path.write_text("old")
    with replaced(path) as part:
        part.write_text("ne")
        assert path.read_text() == "old"
        assert part.parent == path.parent
        assert part.name.startswith(".")
    assert path.read_text() == "ne"
    assert list(tmp_path.iterdir()) == [path]


def _break_off(path: Path, error: type[BaseException]) -> None:
    with replaced(path) as part:
        part.write_text("half")
        raise error


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("there", [True, False])
def test_an_error_leaves_what_was_there(tmp_path, error, there):
    """Whatever stops the writing, the old file stays and nothing half-written does."""
    path = tmp_path / "file.txt"
    if there:
        path.write_text("old")
    with pytest.raises(error):
        _break_off(path, error)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"] * there


def test_writing_nothing_is_an_error(tmp_path):
    """A block that leaves no file does not pass for one that wrote it."""
    with pytest.raises(FileNotFoundError), replaced(tmp_path / "file.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


@given(st.binary())
def test_text_is_written_byte_for_byte(tmp_path_factory, data):
    """Line ends are not translated, and undecodable bytes are what they were."""
    path = tmp_path_factory.getbasetemp() / "durable.txt"
    write_text(path, data.decode("utf-8", "surrogateescape"))
    assert path.read_bytes() == data


def test_a_missing_folder_is_an_error(tmp_path):
    """Folders are not made in passing."""
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing/file.txt", "text")


def test_files_and_folders_can_be_flushed(tmp_path):
    """Both are flushed without being changed, and nothing stays open."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(0o444)
    before = len(list(Path("/proc/self/fd").iterdir()))
    sync(path)
    sync(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert path.read_bytes() == b"x"
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_in_the_way_is_told_without_writing(tmp_path):
    """As writing would tell it, or nothing where it would go well once its folder is made."""
    (tmp_path / "file").write_text("")
    for place in ("a", "file", "new/er/a"):
        assert obstacle(tmp_path / place) is None
    for place in ("x" * 300, "file/a", f"new/{'x' * 300}", f"{'x' * 300}/a"):
        with pytest.raises(OSError) as caught:  # noqa: PT011, PT012
            (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
            write_text(tmp_path / place, "")
        if place.startswith("new"):
            (tmp_path / "new").rmdir()
        # A file in place of a folder is met as what exists, or as what is no folder.
        told = obstacle(tmp_path / place)
        assert told == ("Not a directory" if place == "file/a" else caught.value.strerror)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
