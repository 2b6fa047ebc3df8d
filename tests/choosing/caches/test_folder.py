"""Folders in which what was measured is kept, and what is said where it cannot be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from strangers import open_folder, said_to_a_stranger
from streamcalib.choosing.caches.folder import beside, beside_first, open_kept
from streamcalib.images.listfile import ImageList

NAME = "some/kept.sqlite"


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """The user's cache folder; the lists' is the current one."""
    (tmp_path / "lists").mkdir()
    monkeypatch.chdir(tmp_path / "lists")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home/streamcalib"


def opening(path: Path) -> sqlite3.Connection:
    rows = sqlite3.connect(path)
    rows.execute("CREATE TABLE t (a)")
    return rows


def place_of(cache) -> Path | None:
    """Return where a file of a cache is opened."""
    found = open_kept(cache, NAME, opening)
    if found is not None:
        found.rows.close()
    return found and found.path


def test_it_stands_beside_the_list(caplog):
    """Nothing of it is elsewhere, and nothing is said."""
    folder = beside("new/list.txt")
    assert place_of(folder) == Path("new/.streamcalib") / NAME
    assert not Path(os.environ["XDG_CACHE_HOME"]).exists()
    assert caplog.messages == []


def test_git_and_backups_pass_it_over():
    """Whoever keeps lists in a repository sees the lists alone."""
    subprocess.run(["git", "init", "--quiet", "."], check=True)
    Path("list.txt").write_text("1.jpg\n")
    place_of(beside("list.txt"))
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(status, check=True, capture_output=True).stdout == b"?? list.txt\n"
    assert Path(".streamcalib/CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d1727")


def test_signs_that_are_there_stay():
    """Somebody may have wanted other ones."""
    Path(".streamcalib").mkdir()
    Path(".streamcalib/.gitignore").write_text("!*\n")
    place_of(".streamcalib")
    assert Path(".streamcalib/.gitignore").read_text() == "!*\n"


def test_a_folder_of_another_name_gets_no_signs(own):
    """It may be anything, and git would ignore all of it."""
    place_of("other")
    place_of(None)
    assert [path.name for path in Path("other").iterdir()] == ["some"]
    assert [path.name for path in own.iterdir()] == ["some"]


def blocked(what: str) -> None:
    """Put something in the way."""
    if what == ".streamcalib is no folder":
        Path(".streamcalib").write_text("a file")
    elif what == "some is no folder":
        Path(".streamcalib").mkdir()
        Path(".streamcalib/some").write_text("a file")
    elif what == "unable to open database file":
        Path(".streamcalib", NAME).mkdir(parents=True)
    else:
        link = Path(".streamcalib", {"some": "some", "kept.sqlite": NAME}.get(what.split()[0], ""))
        link.parent.mkdir(parents=True, exist_ok=True)
        target = Path("target")
        if link.name == "kept.sqlite":
            target.touch()
        else:
            target.mkdir()
        link.symlink_to(target.absolute())


@pytest.mark.parametrize(
    "reason",
    [
        ".streamcalib is no folder",
        "some is no folder",
        "unable to open database file",
        ".streamcalib is a link",
        "some is a link",
        "kept.sqlite is a link",
    ],
)
def test_the_users_own_folder_comes_next(own, caplog, reason):
    """What is in the way is left alone, and links are not followed; it is said once."""
    blocked(reason)
    assert place_of(".streamcalib") == own / NAME
    (own / NAME).unlink()
    assert place_of(".streamcalib") == own / NAME
    assert caplog.messages == [
        f"nothing can be kept in .streamcalib ({reason}): what is measured is kept in {own}"
    ]
    if Path("target").is_dir():
        assert list(Path("target").iterdir()) == []
    elif Path("target").exists():
        assert Path("target").stat().st_size == 0


def test_without_any_it_is_said_that_nothing_stays(own, caplog):
    """Names are escaped."""
    Path("a\x1b").mkdir()
    Path("a\x1b/.streamcalib").touch()
    own.parent.write_text("a file")
    assert place_of("a\x1b/.streamcalib") is None
    assert place_of(None) is None
    passing = "what is measured is kept for this command only"
    odd = r"nothing can be kept in a\x1b/.streamcalib (.streamcalib is no folder)"
    assert caplog.messages == [
        f"{odd}: {passing}",
        f"nothing can be kept in {own} (Not a directory): {passing}",
    ]


HASHING = "from streamcalib.choosing.dedupe.cache import HashCache\n"


@pytest.mark.parametrize("mode", [None, 0o444, 0o666])
def test_a_folder_that_may_not_be_written_is_no_error(mode):
    """Whether it holds nothing, or a file of this mode."""
    with open_folder() as folder:
        cache, home = folder / "lists/.streamcalib", folder / "home"
        cache.parent.mkdir()
        cache.parent.chmod(0o777)
        code = f"with HashCache({str(cache)!r}) as kept: print(kept._file)"
        if mode is not None:
            assert said_to_a_stranger(code, imports=HASHING) == f"{cache}/hashes-1.sqlite"
            (cache / "hashes-1.sqlite").chmod(mode)
            cache.chmod(0o555)
        cache.parent.chmod(0o555)
        there = f"import os\nos.environ['XDG_CACHE_HOME'] = {str(home)!r}\n"
        said = said_to_a_stranger(code, imports=there + HASHING)
        assert said == f"{home}/streamcalib/hashes-1.sqlite"
        assert (cache / "hashes-1.sqlite").exists() == (mode is not None)


def test_the_first_list_that_is_a_file_says_where(tmp_path):
    """Neither a list in memory nor what a shell puts in a file's place has a folder."""
    Path("a.txt").write_text("1.jpg\n")
    assert beside_first(["a.txt", tmp_path / "b.txt"]) == tmp_path / "lists/.streamcalib"
    in_memory, pipe = ImageList(["1.jpg"]), tmp_path / "pipe"
    os.mkfifo(pipe)
    assert beside_first([in_memory, pipe]) is None
    Path("linked.txt").symlink_to("/dev/stdin")
    assert beside_first([in_memory, pipe, ImageList.read("a.txt")]) == beside_first(["a.txt"])
    (tmp_path / "more").mkdir()
    (tmp_path / "more/b.txt").symlink_to(Path("a.txt").absolute())
    assert beside_first([tmp_path / "more/b.txt"]) == tmp_path / "lists/.streamcalib"
