"""Every kind of labels: the same classes, wherever they are written down."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import labelling
from messages import text_of
from streamcalib.choosing.labels.source import LabelSource
from streamcalib.errors import InputError, ListError

CLASSES = [["cat"], [], ["dog", "cat"], ["zebra"], ["dog"]]
NAMES = [f"{number:012d}.jpg" for number in range(len(CLASSES))]


@pytest.fixture
def pool(tmp_path):
    """Five images in ``images/train``, and one of which no label speaks."""
    return labelling.empty_images(tmp_path / "images/train", [*NAMES, "9.jpg"])


def write_coco(tmp_path: Path) -> str:
    """Write annotations that speak of other images, too."""
    text = labelling.coco_json([*NAMES, "other.jpg"], [*CLASSES, ["lion"]])
    (tmp_path / "instances.json").write_text(text)
    return f"coco:{tmp_path}/instances.json"


def write_csv(tmp_path: Path) -> str:
    """Write a table with one row a class and image, and one without a class."""
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["width", "image", "class"])
        for name, classes in zip([*NAMES, "other.jpg"], [*CLASSES, ["lion"]], strict=True):
            writer.writerows(["7", f"train/{name}", one] for one in classes or [""])
    return f"csv:{tmp_path}/labels.csv"


def write_yolo(tmp_path: Path) -> str:
    """Write label files beside ``images``, and the YAML that names the classes."""
    numbers = {"cat": 0, "dog": 16, "zebra": 2}
    folder = tmp_path / "labels/train"
    folder.mkdir(parents=True)
    for name, classes in zip(NAMES, CLASSES, strict=True):
        lines = [f"{numbers[one]} 0.5 0.5 0.1 0.1\n" for one in [*classes, *classes]]
        (folder / Path(name).with_suffix(".txt")).write_text("".join(lines))
    (tmp_path / "data.yaml").write_text("names: {0: cat, 2: zebra, 16: dog}\npath: .\n")
    return f"yolo:{tmp_path}/data.yaml"


WRITERS = {"coco": write_coco, "csv": write_csv, "yolo": write_yolo}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_kind_gives_the_same_classes(tmp_path, pool, kind):
    """Those of these images alone; the one without labels is known to be without."""
    source = LabelSource.parse(WRITERS[kind](tmp_path))
    labels = source.read(pool)
    assert labels.classes == ("cat", "dog", "zebra")
    assert [set(labels.of(n)) for n in range(len(pool))] == [*map(set, CLASSES), set()]
    assert labels.unknown == 1
    assert LabelSource.parse(str(source)) == source


def test_yolo_without_names_has_numbers(tmp_path, pool):
    """In files beside the images, in a folder that is named, flat or not."""
    write_yolo(tmp_path)
    for source in ("yolo", f"yolo:{tmp_path}/labels", f"yolo:{tmp_path}/labels/train"):
        labels = LabelSource.parse(source).read(pool)
        assert labels.classes == ("0", "16", "2")
        assert labels.of(2) == ("0", "16")


def test_yolo_of_an_archive_is_sought_where_it_would_be_extracted(tmp_path):
    """Labels are files, though images are not."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/1.txt").write_text("3 0 0 1 1 0.5 0.5\n")
    labels = LabelSource.parse("yolo").read([f"{tmp_path}/x.zip::images/1.jpg"])
    assert labels.of(0) == ("3",)


def test_the_folder_is_a_class(tmp_path):
    """Of files and of members."""
    pool = ["/data/cat/1.jpg", "/data/x.tar::dog/2.jpg", "/data/deep/cat/3.jpg", "s3://b/dog/4.jpg"]
    labels = LabelSource.parse("folder").read(pool)
    assert [labels.of(n) for n in range(4)] == [("cat",), ("dog",), ("cat",), ("dog",)]


def test_columns_may_have_other_names(tmp_path, pool):
    """And a byte order mark in front."""
    (tmp_path / "t.csv").write_text(f"\ufefffile,label\n{NAMES[0]},x\n", encoding="utf-8")
    source = LabelSource.parse(f"csv:{tmp_path}/t.csv", label_column="label", path_column="file")
    assert source.read(pool).of(0) == ("x",)
    with pytest.raises(ListError) as caught:
        LabelSource.parse(f"csv:{tmp_path}/t.csv", path_column="file").read(pool)
    assert "no column 'class', but file, label: say which one with --label-column" in text_of(
        caught.value
    )


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("x.json", {}, "--labels x.json is none of coco:FILE"),
        ("coco", {}, "--labels coco needs a file"),
        ("csv", {}, "--labels csv needs a file"),
        ("folder:x", {}, "--labels folder takes no file"),
        ("yolo", {"label_column": "x"}, "are for --labels csv:FILE"),
        ("\x1b", {}, r"--labels \x1b is none of"),
    ],
)
def test_what_names_no_labels_is_refused(text, options, says):
    """With how they are named."""
    with pytest.raises(InputError) as caught:
        LabelSource.parse(text, **options)
    assert says in text_of(caught.value)


COCO_FAULTS = {
    "[]": "is no JSON as COCO's",
    "{}": "speak of none of the 6 images",
    '{"images":[{"id":1}]}': "an entry has no text as its 'file_name'",
    '{"images":[7]}': "an entry has no text as its 'file_name'",
    '{"annotations":[{"image_id":1,"caption":"a cat"}]}': "an entry has no number as its",
    '{"annotations":[{"image_id":1,"category_id":1e3}]}': "an entry has no number as its",
    '{"images":[{"id":99999999999999999999,"file_name":"9.jpg"}]}': "has no number as its 'id'",
    '{"images":[{"id":1,"file_name":"9.jpg"}],"annotations":[{"image_id":1,"category_id":5}]}': (
        "use the category 5, which is not among their categories"
    ),
    '{"images":[{"id":1,"file_name":"\\u001b9.jpg"}],': "or damaged: it ends before its end",
}


@pytest.mark.parametrize("text", COCO_FAULTS)
def test_annotations_that_are_none_are_refused(tmp_path, pool, text):
    """With what is wrong with them."""
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ListError) as caught:
        LabelSource.parse(f"coco:{tmp_path}/x.json").read(pool)
    assert COCO_FAULTS[text] in text_of(caught.value)


@pytest.mark.parametrize("line", ["cat 0 0 1 1", "1 0 0 1", "-1 0 0 1 1", "1.5 0 0 1 1", "\x1b"])
def test_label_files_that_are_none_are_refused(tmp_path, pool, line):
    """With file and line."""
    folder = Path(write_yolo(tmp_path).removeprefix("yolo:")).parent / "labels/train"
    (folder / "000000000003.txt").write_text(f"1 0 0 1 1\n\n{line}\n")
    with pytest.raises(ListError) as caught:
        LabelSource.parse("yolo").read(pool)
    assert "line 3 of " in text_of(caught.value)
    assert "000000000003.txt is not YOLO's" in text_of(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("image,class\n9.jpg\n", "line 2 of"),
        ("image,class\nother.jpg,x\n", "names none of the 6 images"),
        ("", "has no column 'image', but nothing"),
        ("image,class\n9.jpg,\n", "name no class for any"),
        ("image,class\n\udcff,x\n", "cannot be read"),
    ],
)
def test_tables_that_are_none_are_refused(tmp_path, pool, text, says):
    """With what is wrong with them."""
    (tmp_path / "x.csv").write_text(text, errors="surrogateescape")
    with pytest.raises(ListError) as caught:
        LabelSource.parse(f"csv:{tmp_path}/x.csv").read(pool)
    assert says in text_of(caught.value)


@pytest.mark.parametrize("kind", ["coco", "csv", "yolo"])
def test_missing_labels_are_refused(tmp_path, pool, kind):
    """With where they were sought."""
    with pytest.raises(ListError) as caught:
        LabelSource.parse(f"{kind}:{tmp_path}/none").read(pool)
    assert f"{tmp_path}/none" in text_of(caught.value)


@pytest.mark.parametrize(
    "text", ["names: 7", "names: {a: b}", "[1, 2]", "{", "!!python/object:x {}"]
)
def test_a_yaml_without_names_is_refused(tmp_path, pool, text):
    """And no code in it is run."""
    write_yolo(tmp_path)
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ListError) as caught:
        LabelSource.parse(f"yolo:{tmp_path}/bad.yaml").read(pool)
    assert f"{tmp_path}/bad.yaml" in text_of(caught.value)


def test_names_of_a_yaml_may_be_a_list(tmp_path, pool):
    """As in older data sets."""
    write_yolo(tmp_path)
    (tmp_path / "list.yaml").write_text("names: [cat, b, zebra]\n")
    labels = LabelSource.parse(f"yolo:{tmp_path}/list.yaml").read(pool)
    assert labels.classes == ("16", "cat", "zebra")
