"""``sample`` by labels, and without near-duplicates, as typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import labelling


def test_coco_is_found_under_its_root(told, tmp_path):
    """Images and annotations, with nothing but the root said."""
    names = [f"{number}.jpg" for number in range(40)]
    labelling.empty_images(tmp_path / "coco/train2017", names)
    classes = [["cat"] if number % 4 else ["dog"] for number in range(40)]
    (tmp_path / "coco/annotations").mkdir()
    file = tmp_path / "coco/annotations/instances_train2017.json"
    file.write_text(labelling.coco_json(names[:39], classes[:39]))
    arguments = ("--count", 8, "--strategy", "stratified", "--labels", "coco", "--out", "a.txt")
    ended = told("sample", "--coco", "coco", *arguments)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0] == "a.txt written: 8 of 40 images, seed 42, 10 spares"
    assert "2 of 2 classes present; shares differ from the pool's by" in lines[1]
    assert lines[2] == "  the labels say nothing of 1 image"
    chosen = [int(Path(entry).stem) for entry in Path("a.txt").read_text().splitlines()]
    assert sum(number % 4 == 0 for number in chosen) == 2
    file.unlink()
    ended = told("sample", "--coco", "coco", *arguments)
    assert ended.code == 2
    assert "annotations/instances_train2017.json is not in" in ended.err
    assert "--labels coco:FILE" in ended.err


def test_copies_are_left_out(told, images):
    """Counted in what is printed and in the plan."""
    shutil.copy(images[0], images[0].with_name("copy.jpg"))
    ended = told("sample", "images", "--count", 5, "--dedupe", "--jobs", 1, "--out", "b.txt")
    assert ended.code == 0, ended.err
    assert "1 near-duplicate left out before choosing" in ended.out
    assert json.loads(Path("b.txt.json").read_text())["dedupe"]["left_out"] == 1
    ended = told(
        *("sample", "images", "--count", 7, "--dedupe", "--dedupe-distance", 0, "--out", "c.txt")
    )
    assert ended.code == 2
    assert "without near-duplicates 6 of 7 are left" in ended.err
    ended = told("sample", "images", "--count", 5, "--dedupe", "--dry-run", "--out", "c.txt")
    assert "1 near-duplicate left out" in ended.out
    assert not Path("c.txt").exists()


def test_options_of_other_strategies_are_refused(told, images):
    """With what they are for."""
    for arguments, says in (
        (("--labels", "folder"), "--labels is for --strategy stratified"),
        (("--strategy", "stratified"), "stratified needs --labels"),
        (("--dedupe-distance", 3), "--dedupe-distance is for --dedupe"),
        (
            ("--strategy", "stratified", "--labels", "yolo", "--label-column", "x"),
            "are for --labels csv:FILE",
        ),
    ):
        ended = told("sample", "images", "--count", 2, *arguments, "--out", "d.txt")
        assert ended.code == 2
        assert says in ended.err
        assert not Path("d.txt").exists()
