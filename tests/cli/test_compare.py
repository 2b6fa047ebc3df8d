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
        (("compare", "a.txt", "--pool", "pool", "--plot", "x.pdf"), "must end in .png or .svg"),
        (("compare", "no.txt", "--pool", "pool", *MODEL), "no.txt"),
    ],
)
def test_wrong_usage_is_told(told, pool, arguments, says):
    """With exit code 2."""
    Path("a.txt").write_text("pool/a.jpg\n")
    ended = told(*arguments)
    assert ended.code == 2
    assert says in ended.err
