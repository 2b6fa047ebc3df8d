"""Writing a chosen list where it will be found again."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from messages import text_of
from strangers import open_folder, said_to_a_stranger
from streamcalib.choosing.sample import sample
from streamcalib.choosing.saving import save_list
from streamcalib.errors import InputError, ListError, OutputError
from streamcalib.images.listfile import ImageList, side_file


@pytest.fixture(autouse=True)
def _no_settings(tmp_path, monkeypatch):
    """Keep the user's git settings, and a work tree around the tests, out of it."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("GIT_DIR", raising=False)
    monkeypatch.delenv("GIT_WORK_TREE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def work_tree(tmp_path):
    """A git work tree, which is the current folder."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


IMAGES = ImageList(["a/1.jpg", "a/2.jpg"], spares=["a/3.jpg"], provenance={"seed": 42})


def test_a_list_is_written_with_its_side_file(tmp_path):
    """The folder is made if need be, and nothing but the two files is left."""
    saved = save_list(IMAGES, "lists/new/quant2.txt")
    assert set(contents(tmp_path)) == {"lists/new/quant2.txt", "lists/new/quant2.txt.json"}
    found = ImageList.read("lists/new/quant2.txt")
    assert list(found) == list(saved.images) == ["a/1.jpg", "a/2.jpg"]
    assert (found.spares, found.provenance) == (["a/3.jpg"], {"seed": 42})
    assert saved.images.file == Path("lists/new/quant2.txt")
    assert (saved.unchanged, saved.gitignore) == (False, None)


def test_the_same_list_is_written_again(tmp_path):
    """A repeated command changes nothing and says so."""
    save_list(IMAGES, "list.txt")
    before = contents(tmp_path)
    assert save_list(IMAGES, "list.txt").unchanged
    assert contents(tmp_path) == before


def test_names_that_are_written_otherwise_are_still_the_same_list(tmp_path):
    """A name that looks like a comment is written with ``./`` and known again."""
    images = ImageList(["#1.jpg"])
    save_list(images, "list.txt")
    assert save_list(images, "list.txt").unchanged


@pytest.mark.parametrize("there", [b"a/2.jpg\na/1.jpg\n", b"", b"notes\n", b"\xff\xfea\0"])
def test_another_list_is_not_replaced_unless_asked(tmp_path, there):
    """A different file of that name stays as it is, until ``overwrite``."""
    Path("list\x1b.txt").write_bytes(there)
    with pytest.raises(OutputError) as caught:
        save_list(IMAGES, "list\x1b.txt")
    assert r"list\x1b.txt exists and is another list" in text_of(caught.value)
    assert "--overwrite" in str(caught.value)
    assert contents(tmp_path) == {"list\x1b.txt": there}
    saved = save_list(IMAGES, "list\x1b.txt", overwrite=True)
    assert not saved.unchanged
    assert list(ImageList.read("list\x1b.txt")) == list(IMAGES)


@pytest.mark.parametrize("out", ["list", "list.json", "list\x1b.npy", "txt"])
def test_a_list_must_be_named_as_one(tmp_path, out):
    """A list that could not be read as a source later is not written."""
    with pytest.raises(OutputError) as caught:
        save_list(IMAGES, out)
    assert "must end in .txt" in text_of(caught.value)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("file\x1b/list.txt", "its folder is a file"),
        ("file\x1b/more/list.txt", "its folder is a file"),
        ("folder.txt", "it is a folder"),
        ("x" * 300 + ".txt", "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_told(tmp_path, out, says):
    """The message names the list and the system's reason; nothing is left behind."""
    Path("file\x1b").write_bytes(b"")
    Path("folder.txt").mkdir()
    with pytest.raises(OutputError) as caught:
        save_list(IMAGES, out)
    assert says in text_of(caught.value)
    assert contents(tmp_path) == {"file\x1b": b""}


def test_a_folder_that_may_not_be_written_is_told():
    """Missing permission is told, not raised."""
    with open_folder() as folder:
        folder.chmod(0o555)
        said = said_to_a_stranger(f"save_list(ImageList(['1.jpg']), '{folder}/list.txt')")
        said += "\n" + said_to_a_stranger(f"save_list(ImageList(['1.jpg']), '{folder}/a/b.txt')")
        assert list(folder.iterdir()) == []
    lines = said.splitlines()
    assert lines[0] == f"OutputError: the list {folder}/list.txt cannot be written: {REFUSED}."
    assert lines[1] == f"OutputError: the list {folder}/a/b.txt cannot be written: {REFUSED}."


REFUSED = os.strerror(13)


def test_a_name_with_a_line_break_leaves_nothing(tmp_path):
    """A list that cannot be written is refused before anything is."""
    with pytest.raises(ListError) as caught:
        save_list(ImageList(["a\n.jpg"]), "list.txt")
    assert r"a\n.jpg" in text_of(caught.value)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("gitignore", [None, True])
@pytest.mark.parametrize("out", ["list.txt", "sets/new/list.txt"])
def test_sets_are_ignored_inside_a_work_tree(work_tree, gitignore, out):
    """Beside the list, git is told to ignore sets; by default where there is a work tree."""
    saved = save_list(IMAGES, out, gitignore=gitignore)
    assert saved.gitignore is not None
    assert "*.npy" in saved.gitignore.added
    assert "*.npy" in (Path(out).parent / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("inside", [True, False])
def test_no_gitignore_is_written_if_not_wanted(tmp_path, inside):
    """``gitignore=False``, and the default outside a work tree, write none."""
    if inside:
        subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    saved = save_list(IMAGES, "list.txt", gitignore=False if inside else None)
    assert saved.gitignore is None
    assert set(contents(tmp_path)) == {"list.txt", "list.txt.json"}


@pytest.mark.parametrize("out", ["list.txt", "no\x1b/such/folder/list.txt"])
def test_ignoring_outside_a_work_tree_is_refused_before_anything_is_written(tmp_path, out):
    """Asked for where it can mean nothing, it is an error, and there is no list either."""
    with pytest.raises(InputError) as caught:
        save_list(IMAGES, out, gitignore=True)
    assert "in no git work tree" in text_of(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_gitignore_that_cannot_be_written_is_named(work_tree):
    """The list is there; the message is about the other file."""
    Path(".gitignore").mkdir()
    with pytest.raises(OutputError) as caught:
        save_list(IMAGES, "list.txt")
    assert text_of(caught.value) == ".gitignore cannot be written: Is a directory."


def test_the_side_file_is_plain_json(tmp_path):
    """Other tools can read it: JSON in ASCII, whatever the names."""
    save_list(ImageList([os.fsdecode(b"\xff.jpg"), "ü.jpg"], spares=["写.jpg"]), "list.txt")
    text = side_file(Path("list.txt")).read_bytes().decode("ascii")
    assert json.loads(text)["spares"] == ["写.jpg"]


def test_an_unchanged_list_keeps_its_comments(tmp_path, photo_folder, monkeypatch):
    """The same choice again leaves a list that was annotated as it is, byte for byte."""
    monkeypatch.chdir(tmp_path)
    chosen = sample("train2017", 3, seed=1)
    save_list(chosen, "l.txt", gitignore=False)
    annotated = b"\xef\xbb\xbf# mine\r\n" + Path("l.txt").read_bytes().replace(b"\n", b"\r\n")
    Path("l.txt").write_bytes(annotated)
    Path("l.txt.json").unlink()
    saved = save_list(chosen, "l.txt", gitignore=False)
    assert saved.unchanged
    assert Path("l.txt").read_bytes() == annotated
    assert ImageList.read("l.txt").spares == chosen.spares


@pytest.mark.parametrize("out", ["s3://bucket/list.txt", "https://host/list.txt"])
def test_a_list_at_a_url_is_refused(tmp_path, out):
    """It would lie in a folder called like the scheme."""
    with pytest.raises(OutputError, match=r"^the list \S+ cannot be written: lists lie on disk"):
        save_list(IMAGES, out)
    assert contents(tmp_path) == {}
