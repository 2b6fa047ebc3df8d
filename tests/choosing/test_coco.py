"""COCO in the layouts in which it is usually kept."""

from __future__ import annotations

from pathlib import Path

import pytest

import packed
from messages import text_of
from streamcalib.choosing.coco import find_annotations, find_coco
from streamcalib.choosing.sample import sample
from streamcalib.errors import SourceError

PLACES = ("", "images", "coco", "coco/images")
ALL_PLACES = [*PLACES, *(f"source-data/{place}".rstrip("/") for place in PLACES)]


def put(root: Path, place: str, what: str) -> Path:
    """Put a split, as a folder of one image or as a zip, under a root."""
    path = root / place / what
    path.parent.mkdir(parents=True, exist_ok=True)
    if what.endswith(".zip"):
        return packed.make_zip(path, {f"{path.stem}/1.jpg": b"x"})
    path.mkdir()
    (path / "1.jpg").write_bytes(b"x")
    return path


@pytest.mark.parametrize("what", ["train2017", "train2017.zip"])
@pytest.mark.parametrize("place", ALL_PLACES)
def test_every_layout_is_found(tmp_path, place, what):
    """As a folder and unextracted; other splits and labels are not taken for it."""
    for other in ("val2017", "train2014", "train2017.txt", "annotations"):
        put(tmp_path, place, other)
    expected = put(tmp_path, place, what)
    assert Path(find_coco(tmp_path)) == expected
    assert len(sample(find_coco(tmp_path), 1)) == 1


def test_the_earlier_layout_comes_first(tmp_path):
    """In the order of the documentation, and a folder before a zip."""
    for place in reversed(ALL_PLACES):
        for what in ("train2017.zip", "train2017"):
            expected = put(tmp_path, place, what)
            assert Path(find_coco(tmp_path)) == expected


def test_an_empty_folder_is_not_the_data(tmp_path):
    """As a mount point is; the zip beside it is taken."""
    (tmp_path / "train2017").mkdir()
    with pytest.raises(SourceError):
        find_coco(tmp_path)
    expected = put(tmp_path, "", "train2017.zip")
    assert Path(find_coco(tmp_path)) == expected


def test_the_data_may_be_linked(tmp_path):
    """``source-data`` leads to where it is."""
    put(tmp_path / "disk", "images", "val2017")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/source-data").symlink_to(tmp_path / "disk")
    found = find_coco(tmp_path / "project", "val2017")
    assert found == f"{tmp_path}/project/source-data/images/val2017"


def test_what_is_absent_is_told_with_where_it_was_sought(tmp_path):
    """Every place, and where to get it."""
    root = tmp_path / "odd\x1b"
    root.mkdir()
    with pytest.raises(SourceError) as caught:
        find_coco(root, "val2017")
    lines = text_of(caught.value, lines=len(ALL_PLACES) + 2).splitlines()
    assert lines[0] == "neither val2017/ nor val2017.zip is in"
    shown = str(root).replace("\x1b", r"\x1b")
    assert lines[1:-1] == [f"  {shown}/{place}".rstrip("/") for place in ALL_PLACES]
    for split in ("train2017", "val2017"):
        assert f"http://images.cocodataset.org/zips/{split}.zip" in lines[-1]
    with pytest.raises(SourceError) as caught:
        find_coco(tmp_path / "none")
    assert text_of(caught.value) == f"--coco {tmp_path}/none is not a folder."
    with pytest.raises(SourceError, match="is not a folder"):
        find_coco("x" * 300)


@pytest.mark.parametrize("place", ALL_PLACES)
def test_annotations_are_found_where_images_may_lie(tmp_path, place):
    """Of the split that is asked for."""
    for split in ("train2017", "val2017"):
        file = tmp_path / place / f"annotations/instances_{split}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
        assert Path(find_annotations(tmp_path, split)) == file


def test_absent_annotations_are_told_with_where_they_were_sought(tmp_path):
    """Every place, how to say where they are, and where to get them."""
    put(tmp_path, "annotations", "captions_train2017.json")
    with pytest.raises(SourceError) as caught:
        find_annotations(tmp_path)
    lines = text_of(caught.value, lines=len(ALL_PLACES) + 2).splitlines()
    assert lines[0] == "annotations/instances_train2017.json is not in"
    assert "--labels coco:FILE" in lines[-1]
    assert "annotations_trainval2017.zip" in lines[-1]
