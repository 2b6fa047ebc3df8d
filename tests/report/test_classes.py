"""Class shares on the page."""

from __future__ import annotations

import json

import pytest

import reportsets
from streamcalib import Recipe, build, report, sample
from streamcalib.choosing.labels.source import LabelSource
from streamcalib.choosing.stratified import Stratified
from streamcalib.errors import ListError
from streamcalib.report.classes import known_classes

FOLDERS = {"ant": 6, "bee <i>": 3, "cow": 1}


@pytest.fixture
def pool(tmp_path, monkeypatch):
    """Ten images in folders named by their classes."""
    monkeypatch.chdir(tmp_path)
    for number, (name, count) in enumerate(FOLDERS.items()):
        given = {f"{name[0]}{n}.png": reportsets.soft(10 * number + n) for n in range(count)}
        reportsets.write(tmp_path / "pool" / name, given)
    return tmp_path / "pool"


def made(pool, strategy=None, count=10):
    images = sample(pool, count, extensions=["png"], strategy=strategy)
    return build(images, pool.parent / "s.npy", recipe=Recipe.yolo11(32), jobs=1)


def test_nothing_is_told_of_what_nobody_knows(pool, tmp_path):
    """Without labels there are no classes."""
    calibration = made(pool)
    assert known_classes(calibration, None) is None
    assert 'id="classes"' not in report(calibration, tmp_path / "p.html").path.read_text()


def test_labels_are_counted(pool, tmp_path):
    """The most frequent first, each row with its own, names escaped."""
    calibration = made(pool)
    source = LabelSource.parse("folder")
    found = known_classes(calibration, source)
    assert [(one.name, one.rows, one.pool) for one in found.shares] == [
        ("ant", 6, None),
        ("bee <i>", 3, None),
        ("cow", 1, None),
    ]
    assert (found.known, found.without) == (3, 0)
    text = report(calibration, tmp_path / "p.html", labels=source).path.read_text()
    assert "<i>" not in text
    data = json.loads(reportsets.Parsed(text).texts["script"][0])
    names = {row[data["fields"].index("name")]: row for row in data["rows"]}
    assert names["c0.png"][data["fields"].index("classes")] == "cow"


def test_a_choice_by_labels_has_noted_them(pool):
    """Set beside pool, without asking for the labels again."""
    calibration = made(pool, Stratified(LabelSource.parse("folder")), 4)
    found = known_classes(calibration, None)
    assert {one.name: one.pool for one in found.shares} == {"ant": 0.6, "bee <i>": 0.3, "cow": 0.1}
    assert sum(one.rows for one in found.shares) == 4
    again = known_classes(calibration, LabelSource.parse("folder"))
    assert sorted(again.shares) == sorted(found.shares)


def test_what_was_noted_and_changed_is_not_believed(pool):
    """A manifest is data from outside."""
    calibration = made(pool, Stratified(LabelSource.parse("folder")), 4)
    noted = calibration.manifest.images["chosen"]["class_shares"]["shares"]
    noted[0]["pool"] = "<script>"
    assert known_classes(calibration, None) is None
    calibration.manifest.images["chosen"]["class_shares"] = ["x"]
    assert known_classes(calibration, None) is None


def test_labels_of_other_images_are_refused(pool, tmp_path):
    """Before anything is written."""
    (tmp_path / "labels.csv").write_text("path,label\nother.png,ant\n")
    with pytest.raises(ListError):
        report(
            made(pool), tmp_path / "p.html", labels=LabelSource.parse(f"csv:{tmp_path}/labels.csv")
        )
    assert not (tmp_path / "p.html").exists()


def test_labels_that_were_edited_make_another_page(pool, tmp_path):
    """A page of the labels as they were is not taken for complete."""
    calibration, page = made(pool), tmp_path / "p.html"
    table = tmp_path / "labels.csv"
    names = [found["path"].rpartition("/")[2] for found in calibration.row_records()]
    table.write_text("image,class\n" + "".join(f"{name},ant\n" for name in names))
    labels = LabelSource.parse(f"csv:{table}")
    assert report(calibration, page, labels=labels).is_new
    assert not report(calibration, page, labels=labels).is_new
    table.write_text(table.read_text().replace("ant", "wasp"))
    assert report(calibration, page, labels=labels, overwrite=True).is_new
    assert "wasp" in page.read_text()


def test_labels_in_many_places_are_read_every_time(pool, tmp_path):
    """No stamp of one file tells that none of them has changed; the page is its own, though."""
    calibration, labels = made(pool), LabelSource.parse("folder")
    for _ in range(2):
        assert report(calibration, tmp_path / "p.html", labels=labels).is_new


def test_classes_of_a_list_are_not_called_those_of_its_rows(pool, tmp_path):
    """Where bad images were left out, what the choice noted is of more images than there are."""
    images = sample(pool, 4, extensions=["png"], strategy=Stratified(LabelSource.parse("folder")))
    whole = build(images, tmp_path / "s.npy", recipe=Recipe.yolo11(32), jobs=1)
    text = report(whole, tmp_path / "whole.html").path.read_text()
    assert "How many rows show each class" in text
    (tmp_path / images[0]).write_bytes(b"no picture")
    options = {"recipe": Recipe.yolo11(32), "jobs": 1, "on_bad": "skip"}
    calibration = build(images, tmp_path / "t.npy", **options)
    text = report(calibration, tmp_path / "p.html").path.read_text()
    assert "How many of the list's 4 images show each class" in text
    assert "How many rows show each class" not in text
