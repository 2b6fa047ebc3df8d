"""Limits on what is read: the size of files, and where images may lie."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

import smallsets
from streamcalib import build
from streamcalib.errors import BadImagesError, ListError

BUILD = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)


@pytest.fixture
def large(images) -> Path:
    """The third image, with bytes behind its end that no decoder minds: 50 kB in all."""
    with images[2].open("ab") as file:
        file.truncate(50_000)
    return images[2]


def limit_verify(monkeypatch: pytest.MonkeyPatch, max_bytes: int) -> None:
    """Let ``verify`` have another limit than a build's default."""
    for name in ("streamcalib.verify", "streamcalib.verifying.remake"):
        monkeypatch.setattr(import_module(name), "MAX_FILE_BYTES", max_bytes)


def test_a_large_file_is_a_bad_image(told, large):
    """It is named with its size, the limit and the option."""
    ended = told(*BUILD, "--max-file-size", 0.049)
    assert ended.code == 3
    reason = "50000 bytes are over the limit of 0.049 MB (--max-file-size)"
    assert f"  images/{large.name}: {reason}\n" in ended.err
    assert told(*BUILD, "--max-file-size", 0.05).code == 0


def test_what_a_larger_limit_accepted_stays_accepted(told, large, monkeypatch):
    """``verify``, and the same build with a smaller limit, take what is in the set for good."""
    limit_verify(monkeypatch, 10_000)
    assert told(*BUILD).code == 0
    assert told("verify", "calib.npy", "--sources").code == 0
    assert told("verify", "calib.npy", "--image", large).code == 0
    large.touch()
    ended = told(*BUILD, "--max-file-size", 0.01)
    assert ended.code == 0, ended
    assert "is already complete" in ended.out


def test_verify_names_no_option_of_builds(told, images, monkeypatch):
    """An image that has grown since is not compared; what is said fits the command."""
    limit_verify(monkeypatch, 10_000)
    assert told(*BUILD).code == 0
    with images[2].open("ab") as file:
        file.truncate(50_000)
    ended = told("verify", "calib.npy", "--sources")
    assert ended.code == 3
    assert "50000 bytes are over the limit of 0.01 MB\n" in ended.err
    ended = told("verify", "calib.npy", "--image", images[2])
    assert ended.code == 2
    assert "cannot become a row: 50000 bytes are over the limit of 0.01 MB.\n" in ended.err


def test_confined_lists_are_refused_for_their_names(told, images, tmp_path):
    """Without a root, the current folder and the list's confine; with one, that alone does."""
    assert told(*BUILD, "--confine").code == 0
    ended = told(*BUILD, "--confine", "--root", "images")
    assert ended.code == 2
    (tmp_path / "lists").mkdir()
    entries = ["000000.jpg", f"../images/{images[1].name}", f"{tmp_path}/images/000003.jpg"]
    smallsets.write_list(tmp_path / "lists" / "a.txt", entries)
    arguments = ("build", "--list", "lists/a.txt", "--root", "images", "--out", "a.npy")
    assert told(*arguments, "--confine", "--imgsz", 16).code == 0
    smallsets.write_list(tmp_path / "lists" / "a.txt", [*entries, "../list.txt"])
    before = smallsets.contents(tmp_path)
    ended = told(*arguments, "--confine", "--imgsz", 16, "--overwrite")
    assert (ended.code, ended.out) == (2, "")
    assert "1 path of lists/a.txt leads outside of" in ended.err
    assert "\n  line 4: ../list.txt\n" in ended.err
    assert smallsets.contents(tmp_path) == before


@pytest.mark.parametrize("jobs", [1, 2])
def test_links_that_lead_out_are_bad_images(told, images, tmp_path, jobs):
    """In one process and in several; without ``--confine`` they are images like any other."""
    outside = smallsets.make_images(tmp_path / "elsewhere", 1)[0]
    images[3].unlink()
    images[3].symlink_to(outside)
    names = [path.name for path in images]
    smallsets.write_list(tmp_path / "list.txt", names)
    rooted = (*BUILD[:-1], jobs, "--root", "images")
    ended = told(*rooted, "--confine")
    assert ended.code == 3
    reason = f"it leads outside of {tmp_path}/images (--confine)"
    assert f"  {images[3].name}: {reason}\n" in ended.err
    assert told(*rooted, "--confine", "--on-bad", "skip").code == 0
    manifest = json.loads(Path("calib.npy.json").read_text())
    assert manifest["failures"] == [{"path": names[3], "reason": reason, "list_row": 3}]
    assert told(*rooted, "--confine").code == 0
    ended = told(*rooted)
    assert ended.code == 2
    assert "was bad (it leads outside of" in ended.err


def test_spares_are_confined_too(told, images, tmp_path):
    """A side file can lead outside as a list can."""
    assert told("sample", "images", "--count", 3, "--out", "new.txt").code == 0
    side = json.loads(Path("new.txt.json").read_text())
    side["spares"][1] = "../spare.jpg"
    Path("new.txt.json").write_text(json.dumps(side))
    ended = told("build", "--list", "new.txt", "--out", "a.npy", "--confine")
    assert ended.code == 2
    assert "\n  spare 2: ../spare.jpg\n" in ended.err


@pytest.mark.parametrize("source", ["data/images", "data/im*/*.jpg", "data/list.txt"])
def test_run_is_confined_to_its_source(told, images, tmp_path, monkeypatch, source):
    """Wherever the current folder is; links in a folder, glob or list that lead out are bad."""
    (tmp_path / "data").mkdir()
    images[0].parent.rename(tmp_path / "data" / "images")
    (tmp_path / "list.txt").rename(tmp_path / "data" / "list.txt")
    outside = smallsets.make_images(tmp_path / "elsewhere", 1)[0]
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    command = ("run", f"../{source}", "--count", 6, "--out", "out", "--imgsz", 16, "--jobs", 1)
    assert told(*command, "--confine").code == 0
    link = tmp_path / "data" / "images" / "000003.jpg"
    link.unlink()
    link.symlink_to(outside)
    ended = told(*command, "--confine", "--overwrite")
    assert ended.code == 3, ended
    assert "it leads outside of" in ended.err
    assert told(*command, "--overwrite").code == 0


def test_the_library_takes_the_same_limits(images, tmp_path, monkeypatch):
    """As keywords of ``build``; what is given in Python is confined to the current folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadImagesError, match="--max-file-size"):
        build(images, "a.npy", recipe=smallsets.RECIPE, jobs=1, max_file_bytes=100)
    with pytest.raises(ListError, match="image 7: /etc/passwd"):
        build([*images, "/etc/passwd"], "a.npy", recipe=smallsets.RECIPE, confine=True)
    assert len(build(images, "a.npy", recipe=smallsets.RECIPE, jobs=1, confine=True)) == 6
