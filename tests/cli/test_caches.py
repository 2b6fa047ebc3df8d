"""What ``sample`` and ``compare`` measure lies beside the list, and nowhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pools import write_pool
from smallsets import command
from yolo_like import write_yolo_like

MODEL = ("--model", "m.onnx", "--preset", "yolo11", "--jobs", 1)
BY_MODEL = ("sample", "pool", "--count", 4, "--strategy", "activations", "--dedupe", *MODEL)
COMPARED = ("--pool", "pool", *MODEL, "--draws", 20)


@pytest.fixture
def home(told, tmp_path, monkeypatch):
    """The user's cache folder; a model and a pool lie in the current one."""
    write_pool(tmp_path / "pool", 14)
    write_yolo_like(tmp_path / "m.onnx", 64)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def spoil_images() -> None:
    """Make every image one that cannot be measured any more, and looks unchanged."""
    for path in Path("pool").iterdir():
        before = path.stat()
        path.write_bytes(bytes(before.st_size))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def kept(folder: str) -> set[str]:
    return {path.name for path in Path(folder, ".streamcalib").rglob("*") if path.is_file()}


def test_all_that_is_chosen_in_a_folder_shares_what_was_measured(told, home):
    """Other strategies, counts, and ``compare``, from any folder; the user's own stays empty."""
    assert told(*BY_MODEL, "--out", "new/lists/a.txt").code == 0
    names = kept("new/lists")
    assert names > {".gitignore", "CACHEDIR.TAG", "hashes-1.sqlite"}
    assert len(names) == 4
    first = Path("new/lists/a.txt").read_text()
    spoil_images()
    for name, count in (("activations", 4), ("ranges", 6)):
        again = ("--strategy", name, "--count", count, "--out", f"new/lists/{name}.txt")
        ended = told(*BY_MODEL, *again)
        assert (ended.code, "bad" in ended.out + ended.err) == (0, False)
    assert Path("new/lists/activations.txt").read_text() == first
    shutil.copy("new/lists/a.txt", "b.txt")
    ended = told("compare", "new/lists/a.txt", "b.txt", *COMPARED)
    assert (ended.code, "bad" in ended.out + ended.err) == (0, False)
    assert told("compare", "b.txt", "new/lists/a.txt", *COMPARED).code == 2
    assert kept("new/lists") == names
    assert not home.exists()


def test_compare_measures_beside_its_first_list(told, home):
    """If nothing is there yet."""
    told("sample", "pool", "--count", 4, "--out", "lists/a.txt")
    assert not Path("lists/.streamcalib").exists()
    assert told("compare", "lists/a.txt", *COMPARED).code == 0
    spoil_images()
    assert told("compare", "lists/a.txt", *COMPARED).code == 0
    assert len(kept("lists")) == 3
    assert not home.exists()
    assert not Path(".streamcalib").exists()


def test_a_dry_run_has_measured_too(told, home):
    """There is no list yet."""
    assert told(*BY_MODEL, "--out", "lists/a.txt", "--dry-run").code == 0
    assert not Path("lists/a.txt").exists()
    spoil_images()
    assert told(*BY_MODEL, "--out", "lists/a.txt").code == 0
    assert kept("lists")
    assert Path("lists/a.txt").exists()


def test_git_sees_lists_alone(told, home, monkeypatch):
    """The folder says by itself that it is to be ignored."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    subprocess.run(["git", "init", "--quiet", "repository"], check=True)
    told(*BY_MODEL, "--out", "repository/a.txt", "--no-gitignore")
    assert kept("repository")
    status = ("git", "-C", "repository", "status", "--porcelain", "--untracked-files=all")
    said = subprocess.run(status, check=True, capture_output=True, text=True).stdout
    assert said.split() == ["??", "a.txt", "??", "a.txt.json"]


def test_what_is_in_the_way_is_said_and_no_more(told, home):
    """The user's own folder is next, and is found again; ``--quiet`` says nothing."""
    Path("lists").mkdir()
    Path("lists/.streamcalib").write_text("mine")
    ended = told(*BY_MODEL, "--out", "lists/a.txt")
    assert ended.code == 0
    refused = "nothing can be kept in lists/.streamcalib (.streamcalib is no folder)"
    assert [line for line in ended.err.splitlines() if line.startswith("warning")] == [
        f"warning: {refused}: what is measured is kept in {home}/streamcalib"
    ]
    spoil_images()
    ended = told(*BY_MODEL, "--out", "lists/b.txt", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert Path("lists/b.txt").read_text() == Path("lists/a.txt").read_text()
    assert Path("lists/.streamcalib").read_text() == "mine"


def test_where_nothing_can_be_kept_lists_are_the_same(told, home):
    """It is said, and leaves nothing."""
    told(*BY_MODEL, "--out", "kept/a.txt")
    Path(".streamcalib").touch()
    home.touch()
    ended = told(*BY_MODEL, "--out", "a.txt")
    assert (ended.code, ended.err.count("is kept for this command only")) == (0, 1)
    assert Path("a.txt").read_text() == Path("kept/a.txt").read_text()


def test_commands_that_run_at_once_share_it(home, tmp_path):
    """None stands in another's way, and all choose the same."""
    arguments = [command(*BY_MODEL, "--out", f"lists/{number}.txt") for number in range(3)]
    running = [subprocess.Popen(one, stderr=subprocess.PIPE, text=True) for one in arguments]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert "warning" not in "".join(said)
    assert len({Path(f"lists/{number}.txt").read_text() for number in range(3)}) == 1
    assert len(kept("lists")) == 4
    assert not home.exists()
