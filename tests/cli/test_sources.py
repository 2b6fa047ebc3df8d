"""Sources as the command line takes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import packed
import smallsets

BUILD = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)
SAMPLE = ("sample", "--count", 4, "--out", "list.txt", "--overwrite")


@pytest.fixture
def coco(tmp_path, images) -> Path:
    """Six images as an unextracted ``train2017.zip`` below ``coco``."""
    folder = tmp_path / "coco" / "train2017"
    folder.parent.mkdir()
    Path("images").rename(folder)
    packed.pack_folder(folder, folder.with_suffix(".zip"))
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    return folder.parent


def test_coco_is_sampled_and_built_without_being_extracted(told, coco, tmp_path):
    """The list names members; nothing else appears on disk."""
    before = sorted(coco.rglob("*"))
    ended = told(*SAMPLE, "--coco", "coco")
    assert (ended.code, ended.err) == (0, "")
    entries = Path("list.txt").read_text().splitlines()
    assert all(entry.startswith("coco/train2017.zip::train2017/") for entry in entries)
    assert json.loads(Path("list.txt.json").read_text())["source_kind"] == "zip"
    assert told(*BUILD).code == 0
    numbers = [int(entry[-10:-4]) for entry in entries]
    originals = smallsets.make_images(tmp_path / "again", 6)
    np.testing.assert_array_equal(
        np.load("calib.npy"), smallsets.rows([originals[n] for n in numbers])
    )
    assert sorted(coco.rglob("*")) == before
    found = told("verify", "calib.npy", "--image", entries[2])
    assert found.out == f"row 2 is {entries[2]}, bit for bit\n"


def test_run_takes_coco(told, coco):
    """As sample does, and confined to it."""
    ended = told("run", "--coco", "coco", "--count", 3, "--out", "out", "--imgsz", 16, "--confine")
    assert ended.code == 0, ended.err
    assert len(np.load("out/calib_yolo11_16.npy")) == 3


@pytest.mark.parametrize("command", ["sample", "run"])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "say either SOURCE or --coco ROOT."),
        (("images", "--coco", "."), "say either SOURCE or --coco ROOT."),
        (("images", "--split", "val2017"), "--split is for --coco."),
        (("--coco", ".", "--split", "test2017"), "is not one of"),
        (("--coco", "."), "neither train2017/ nor train2017.zip is in"),
        (("--coco", ".", "--split", "val2017"), "neither val2017/ nor val2017.zip is in"),
    ],
)
def test_one_source_is_to_be_given(told, images, command, arguments, says):
    """Wrong usage is told, with exit code 2."""
    out = "out.txt" if command == "sample" else "out"
    ended = told(command, *arguments, "--count", 2, "--out", out)
    assert ended.code == 2
    assert says in ended.err
    assert not Path(out).exists()


def test_a_confined_list_names_no_url(told, images):
    """It is refused with its line, unless the root is a URL above it."""
    Path("list.txt").write_text("images/000000.jpg\ns3://bucket/1.jpg\n")
    ended = told(*BUILD, "--confine")
    assert ended.code == 2
    assert "line 2: s3://bucket/1.jpg" in ended.err


def test_buckets_that_are_not_there_are_wrong_input(told, bucket):
    """With the address."""
    ended = told("sample", "s3://no-such-bucket/train", "--count", 2, "--out", "list.txt")
    assert ended.code == 2
    assert "the bucket s3://no-such-bucket does not exist" in ended.err


def test_a_list_of_bare_names_takes_a_url_as_root(told, images, bucket):
    """As it takes a folder."""
    url = bucket.put_folder(images[0].parent)
    Path("list.txt").write_text("".join(f"{path.name}\n" for path in images))
    for path in images:
        path.rename(path.with_suffix(".moved"))
    ended = told(*BUILD, "--root", url, "--confine")
    assert ended.code == 0, ended.err
    moved = [path.with_suffix(".moved") for path in images]
    np.testing.assert_array_equal(np.load("calib.npy"), smallsets.rows(moved))
    assert told("verify", "calib.npy", "--sources").code == 0


@pytest.mark.parametrize("command", [BUILD, ("sample", "s3://b/x", "--out", "a.txt")])
def test_urls_without_obstore_name_the_extra(told, monkeypatch, command):
    """It is told how to install it."""
    from streamcalib.images.objects import address

    Path("list.txt").write_text("s3://bucket/1.jpg\n")
    address._store.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "obstore"]:
        monkeypatch.setitem(sys.modules, name, None)
    ended = told(*command)
    assert ended.code == 2
    assert "pip install 'streamcalib[s3]'" in ended.err
