"""Keeping large sets out of git while their lists stay tracked, tried with git itself."""

from __future__ import annotations

import os
import subprocess

import pytest

from messages import text_of
from streamcalib.errors import InputError
from streamcalib.gitignore import ignore_sets, in_work_tree

LINES = ("*.npy", "*.npz", "*.zarr", "*.build/")
LIST = ("quant100.txt", "quant100.txt.json")


@pytest.fixture(autouse=True)
def _no_settings(tmp_path, monkeypatch):
    """Keep the user's git settings, and a work tree around the tests, out of it."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("GIT_DIR", raising=False)
    monkeypatch.delenv("GIT_WORK_TREE", raising=False)


@pytest.fixture
def tree(tmp_path):
    """A git work tree."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def untracked(tree) -> set[str]:
    """Return what git would add."""
    command = ["git", "-C", tree, "ls-files", "--others", "--exclude-standard", "-z"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    return {os.fsdecode(name) for name in output.split(b"\0")[:-1]}


def fill(folder, keep=LIST) -> None:
    """Put a list, sets and staging files of every kind into a folder."""
    (folder / "calib.zarr").mkdir()
    (folder / "calib.zarr/0.0").touch()
    (folder / "calib.npy.build").mkdir()
    (folder / "calib.npy.build/journal").touch()
    for name in (*keep, "calib.npy", "calib.npz", "calib.npy.json"):
        (folder / name).touch()


def test_git_adds_the_list_and_no_set(tree):
    """Afterwards git sees the list, its side file and manifests, and neither sets nor staging."""
    change = ignore_sets(tree, LIST)
    assert change == (LINES, ())
    fill(tree)
    assert untracked(tree) == {".gitignore", *LIST, "calib.npy.json"}


@pytest.mark.parametrize("there", [None, b"", b"*.log\n", b"*.log", b"\xff\xfe\r\n\r\n# x\r\n *\t"])
def test_other_lines_are_untouched(tree, there):
    """What the file held stays byte for byte; a last line without an end gets one."""
    path = tree / ".gitignore"
    if there is not None:
        path.write_bytes(there)
    ignore_sets(tree, LIST)
    kept = there or b""
    end = b"" if kept.endswith(b"\n") or not kept else b"\n"
    assert path.read_bytes() == kept + end + "".join(f"{line}\n" for line in LINES).encode()


def test_a_second_time_nothing_is_added(tree):
    """git is asked first, so the same command leaves the file alone."""
    ignore_sets(tree, LIST)
    before = (tree / ".gitignore").read_bytes()
    assert ignore_sets(tree, LIST) == ((), ())
    assert (tree / ".gitignore").read_bytes() == before


def test_windows_line_ends_do_not_matter(tree):
    """A blank line that ends in CRLF ignores nothing, though git says so of some names."""
    (tree / ".gitignore").write_bytes(b"\r\n*.txt\r\n")
    assert ignore_sets(tree, LIST) == ((*LINES, "!quant100.txt"), ())
    assert (tree / ".gitignore").read_bytes().startswith(b"\r\n*.txt\r\n*.npy\n")


@pytest.mark.parametrize(
    ("there", "added"),
    [
        ("*.np[yz]\n", ("*.zarr", "*.build/")),
        ("*.zarr/\n*.npy\n", ("*.npz", "*.build/")),
        ("*.npy\n!*.npy\n*.npz\n*.zarr\n", ("*.npy", "*.build/")),
        ("*.npy\n*.npz\n*.zarr\n*.build\n", ()),
    ],
)
@pytest.mark.parametrize("where", [".gitignore", ".git/info/exclude"])
def test_only_missing_lines_are_added(tree, there, added, where):
    """Whatever already ignores a kind of file, however it is put, is enough."""
    (tree / where).write_text(there)
    assert ignore_sets(tree, LIST).added == added


def test_a_parents_gitignore_counts(tree):
    """Lines above the folder need no repeating, and no file is made then."""
    (tree / ".gitignore").write_text("".join(f"{line}\n" for line in LINES))
    folder = tree / "sets"
    folder.mkdir()
    assert ignore_sets(folder, LIST) == ((), ())
    assert not (folder / ".gitignore").exists()


def test_an_ignored_list_is_taken_back_in(tree):
    """Where ``*.txt`` or ``*.json`` is ignored, the list and its side file are excepted by name."""
    (tree / ".gitignore").write_text("*.txt\n*.json\n")
    change = ignore_sets(tree, LIST)
    assert change.added == (*LINES, "!quant100.txt", "!quant100.txt.json")
    assert change.still_ignored == ()
    fill(tree)
    (tree / "notes.txt").touch()
    assert untracked(tree) == {".gitignore", *LIST}


@pytest.mark.parametrize(
    "name",
    ["q[1].txt", "q*.txt", "q?.txt", "!q.txt", "#q.txt", "q\\1.txt", "a b.txt", "\udcff.txt"],
)
def test_a_list_of_any_name_is_taken_back_in(tree, name):
    """Characters that mean something to git are escaped, and undecodable names are written."""
    (tree / ".gitignore").write_text("*.txt\n")
    assert ignore_sets(tree, (name,)).still_ignored == ()
    for file in (name, "q1.txt", "qx.txt"):
        (tree / file).touch()
    assert untracked(tree) == {".gitignore", name}


@pytest.mark.parametrize("place", ["sets", "sets/new"])
def test_a_list_below_an_ignored_folder_is_reported(tree, place):
    """git looks at nothing in an ignored folder: no line would help, and the caller is told."""
    (tree / ".gitignore").write_text("/sets/\n")
    folder = tree / place
    folder.mkdir(parents=True)
    assert ignore_sets(folder, LIST) == ((), LIST)
    assert list(folder.iterdir()) == []


def test_an_ignored_work_tree_inside_another_is_its_own(tree):
    """What the outer tree ignores does not matter to the inner one."""
    (tree / ".gitignore").write_text("/inner/\n")
    inner = tree / "inner"
    subprocess.run(["git", "init", "--quiet", inner], check=True)
    (inner / ".gitignore").write_text("*.txt\n")
    assert ignore_sets(inner, LIST) == ((*LINES, "!quant100.txt"), ())


def test_a_line_break_in_a_name_makes_no_second_line(tree):
    """A name that no pattern can hold does not become two patterns."""
    (tree / ".gitignore").write_text("*.txt\n")
    name = "q\nimportant.txt"
    assert ignore_sets(tree, (name,)).still_ignored == ()
    assert "important.txt" not in (tree / ".gitignore").read_text().splitlines()


def test_where_there_is_no_work_tree_nothing_is_written(tmp_path):
    """Outside a work tree it is refused, and no file is made."""
    folder = tmp_path / "odd\x1b"
    folder.mkdir()
    with pytest.raises(InputError) as caught:
        ignore_sets(folder, LIST)
    assert r"odd\x1b is in no git work tree" in text_of(caught.value)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "inside"),
    [(".", True), ("new/folder", True), (".git", False), ("bare", False), ("..", False)],
)
def test_what_lies_in_a_work_tree(tree, place, inside):
    """A folder yet to be made counts; git's own folder and a bare repository do not."""
    subprocess.run(["git", "init", "--quiet", "--bare", tree / "bare"], check=True)
    assert in_work_tree(tree / place) is inside


def test_a_relative_folder_is_sought_from_here(tree, monkeypatch):
    """``sets`` means the one in the current folder, whether it is there or not."""
    monkeypatch.chdir(tree)
    (tree / "sets").mkdir()
    assert all(in_work_tree(type(tree)(place)) for place in (".", "sets", "new", "sets/new"))


def test_without_git_there_is_no_work_tree(tree, monkeypatch):
    """Where git is not installed, nothing is a work tree."""
    monkeypatch.setenv("PATH", str(tree))
    assert not in_work_tree(tree)
    with pytest.raises(InputError, match="or git is missing"):
        ignore_sets(tree, LIST)
