"""``streamcalib compare``, and ``sample`` by a model's activations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pools import write_pool
from yolo_like import write_yolo_like


@pytest.fixture
def pool(told, tmp_path):
    """A model and a pool of 14 pictures in the current folder."""
    write_pool(tmp_path / "pool", 14)
    write_yolo_like(tmp_path / "m.onnx", 64)


LABELLED = ("compare", "a.txt", "--pool", "pool", "--labels", "folder")
MODEL = ("--model", "m.onnx", "--preset", "yolo11", "--jobs", "1")


def test_lists_are_chosen_and_compared(told, pool):
    """From a folder to a table, figures and a picture."""
    for name in ("activations", "ranges", "blend"):
        chosen = told(
            "sample", "pool", "--count", 5, "--strategy", name, *MODEL, "--out", f"{name}.txt"
        )
        assert (chosen.code, len(Path(f"{name}.txt").read_text().splitlines())) == (0, 5)
    told("sample", "pool", "--count", 5, "--out", "random.txt")
    outputs = ("--json", "c.json", "--plot", "c.svg", "--quantize", "--held-out", "2")
    lists = ("activations.txt", "ranges.txt", "random.txt")
    ended = told("compare", *lists, "--pool", "pool", *MODEL, "--draws", "40", *outputs)
    assert ended.code == 0
    assert "activations.txt" in ended.out
    assert "INT8 against FP32 on 2 images of no set" in ended.out
    facts = json.loads(Path("c.json").read_text())
    assert [one["name"] for one in facts["sets"]] == list(lists)
    assert len(facts["int8"]) == 9
    assert facts["sets"][1]["shortfall"] == 0
    assert "<svg" in Path("c.svg").read_text()
    only = told("compare", "random.txt", "--pool", "pool", *MODEL, "--json", "-", "--quiet")
    assert json.loads(only.out)["sets"][0]["name"] == "random.txt"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("sample", "pool", "--strategy", "activations", "--out", "x.txt"), "say --model"),
        (("sample", "pool", "--model", "m.onnx", "--out", "x.txt"), "--model is for --strategy"),
        (
            ("sample", "pool", "--strategy", "ranges", "--blend", "0.5", "--out", "x.txt"),
            "--blend is for --strategy blend",
        ),
        (("compare", "--pool", "pool"), "Missing argument 'LIST...'"),
        (("compare", "a.txt", "--pool", "pool"), "say --model, --labels, or both"),
        (("compare", "a.txt", "--pool", "pool", "--held-out", "3"), "--held-out is for --quantize"),
        (("compare", "a.txt", "--pool", "pool", "--quantize"), "--quantize needs a --model"),
        (
            ("compare", "a.txt", "--pool", "pool", *MODEL, "--plot", "x.pdf"),
            "must end in .png or .svg",
        ),
        ((*LABELLED, "--preset", "yolo11"), "--preset is for --model"),
        ((*LABELLED, "--imgsz", "64"), "--imgsz is for --model"),
        ((*LABELLED, "--dtype", "float16"), "--dtype is for --model"),
        ((*LABELLED, "--recipe", "r.json"), "--recipe is for --model"),
        ((*LABELLED, "--extra-input", "a=1:int64"), "--extra-input is for --model"),
        ((*LABELLED, "--draws", "0"), "--draws must be 1 to 100,000, not 0"),
        (
            ("compare", "a.txt", "--pool", "pool", "--draws", "9"),
            "say --model, --labels, or both",
        ),
        ((*LABELLED, "--plot", f"{'x' * 300}/p.svg"), "the folder of --plot xxx"),
        ((*LABELLED, "--plot", "folder.svg"), "--plot folder.svg is a folder"),
        ((*LABELLED, "--json", f"{'x' * 300}/c.json"), "the folder of --json xxx"),
        ((*LABELLED, "--json", "no/x.json"), "the folder of --json no/x.json is not there"),
        ((*LABELLED, "--json", "pool"), "--json pool is a folder"),
        (
            ("compare", "a.txt", "--pool", "pool", *MODEL, "--path-column", "x"),
            "are for --labels csv:FILE",
        ),
        (("sample", "pool", "--jobs", "0", "--out", "x.txt"), "--jobs must be at least 1, not 0"),
        (("compare", "no.txt", "--pool", "pool", *MODEL), "no.txt"),
    ],
)
def test_wrong_usage_is_told(told, pool, arguments, says):
    """With exit code 2."""
    Path("a.txt").write_text("pool/a.jpg\n")
    Path("folder.svg").mkdir()
    ended = told(*arguments)
    assert ended.code == 2
    assert says in ended.err


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("x.npy", "must end in .txt"),
        ("m.onnx/x.txt", "its folder is a file"),
        ("folder.txt", "it is a folder"),
        (f"{'x' * 300}.txt", "cannot be written: File name too long."),
        # Beside it lies a file of a longer name.
        (f"{'x' * 240}.txt", "cannot be written: File name too long."),
        (f"new/{'x' * 300}.txt", "cannot be written: File name too long."),
        ("/proc/new/x.txt", "cannot be written: No such file or directory."),
        ("two.txt", "two.txt exists and is another list"),
        ("empty.txt", "empty.txt exists and is another list"),
    ],
)
def test_a_list_that_cannot_be_written_is_refused_before_it_is_chosen(told, pool, out, says):
    """Before the pool is looked at."""
    Path("folder.txt").mkdir()
    Path("two.txt").write_text("a.jpg\nb.jpg\n")
    Path("empty.txt").write_text("")
    before = sorted(Path().iterdir())
    ended = told("sample", "nowhere", "--out", out)
    assert sorted(Path().iterdir()) == before
    assert ended.code == 2
    assert says in ended.err
    assert "nowhere" not in ended.err


@pytest.mark.parametrize(
    ("option", "file", "reason"),
    [
        ("--plot", f"{'x' * 300}.svg", "File name too long"),
        ("--json", "x" * 300, "File name too long"),
        ("--json", "/proc/x.json", "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(told, pool, option, file, reason):
    """Not even the lists are read."""
    ended = told("compare", "no.txt", "--pool", "nowhere", "--labels", "folder", option, file)
    assert ended.code == 2
    assert f"{option} {file[:3]}" in ended.err
    assert f"cannot be written: {reason}." in ended.err
    assert "nowhere" not in ended.err
    assert ended.out == ""


def test_class_shares_are_held_against_draws(told, pool):
    """Without a model: table, figures, and a picture."""
    Path("a.txt").write_text("".join(f"{path}\n" for path in sorted(Path("pool").iterdir())[:4]))
    rows = [f"{path.name},{path.stem[-1]}" for path in Path("pool").iterdir()]
    Path("labels.csv").write_text("\n".join(["image,class", *rows]) + "\n")
    labelled = ("compare", "a.txt", "--pool", "pool", "--labels", "csv:labels.csv")
    ended = told(*labelled, "--draws", 30, "--json", "c.json", "--plot", "c.svg")
    assert ended.code == 0, ended.err
    assert "random, median of 30" in ended.out
    facts = json.loads(Path("c.json").read_text())
    assert facts["draws"] == 30
    assert 0 <= facts["classes"]["a.txt"]["mean_difference_beats"] <= 1
    assert set(facts["random"]["4"]) == {
        *("class_mean_difference", "class_largest_difference", "classes_missing")
    }
    shown = Path("c.svg").read_text()
    assert "classes of the pool that are missing" in shown
    assert "Kolmogorov" not in shown
    told(*labelled, *MODEL, "--draws", 30, "--plot", "c.svg")
    shown = Path("c.svg").read_text()
    assert "classes of the pool that are missing" in shown
    assert "Kolmogorov" in shown


def test_what_is_assumed_is_told_as_a_warning(told, pool):
    """And not at all if it shall be quiet."""
    arguments = ("compare", "no.txt", "--pool", "pool", "--model", "m.onnx")
    assert "warning: m.onnx says nothing of how its images are made" in told(*arguments).err
    assert "says nothing of how" not in told(*arguments, "--quiet").err


def test_a_models_pool_is_a_thousand_unless_said_otherwise(told, pool, monkeypatch):
    """As of a choice; without a model it is all of it."""
    monkeypatch.setattr("streamcalib.choosing.compare.POOL_SIZE", 5)
    Path("a.txt").write_text(f"{next(Path('pool').iterdir())}\n")
    by_model = ("compare", "a.txt", "--pool", "pool", *MODEL, "--draws", "5")
    assert "pool pool: 5 images" in told(*by_model).out
    assert "pool pool: 6 images" in told(*by_model, "--pool-size", "6").out
    assert "pool pool: 14 images" in told(*LABELLED).out
    assert "[default: with --model 1000, else all]" in " ".join(
        told("compare", "--help").out.split()
    )


def test_another_list_of_as_many_images_is_refused_only_once_chosen(told, pool):
    """It may be the same; one of another count is replaced if that is said."""
    Path("x.txt").write_text("a.jpg\nb.jpg\n")
    ended = told("sample", "pool", "--count", 2, "--out", "x.txt")
    assert (ended.code, "x.txt exists and is another list" in ended.err) == (2, True)
    assert told("sample", "pool", "--count", 3, "--out", "x.txt", "--dry-run").code == 0
    assert told("sample", "pool", "--count", 3, "--out", "x.txt", "--overwrite").code == 0
    assert told("sample", "pool", "--count", 3, "--out", "x.txt").code == 0


def test_a_list_given_twice_has_two_rows(told, pool):
    """As every list has one, in their order."""
    Path("a.txt").write_text(f"{next(Path('pool').iterdir())}\n")
    ended = told(
        "compare", "a.txt", "a.txt", "--pool", "pool", *MODEL, "--draws", 5, "--json", "c.json"
    )
    facts = json.loads(Path("c.json").read_text())
    assert [one["name"] for one in facts["sets"]] == ["a.txt", "a.txt (2)"]
    assert "\na.txt (2)  " in ended.out
