"""The tables of how near chosen sets are to a pool, at a size of seconds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import choices
from benchmarks.observed import observed, observed_whole, placed
from streamcalib.choosing.activations.cache import Observations
from streamcalib.choosing.activations.features import features_of, largest, merge, octaves
from streamcalib.choosing.activations.measuring import Measuring, measure
from streamcalib.progress import ignore
from yolo_like import write_yolo_like

SIDE = 32


@pytest.fixture
def model(tmp_path):
    """A little graph."""
    return write_yolo_like(tmp_path / "model.onnx", SIDE)


def test_features_are_those_of_the_strategies(model, little):
    """Of all images as a pool, and of a part: what `sample` and `compare` would look at."""
    paths = [str(path) for path in little]
    measuring = Measuring.of(model)
    images = observed(measuring, paths, ignore)
    with Observations("test", len(measuring.observed.tensors), kept=False) as kept:
        measure(measuring, paths, kept)
        tops = octaves(largest(kept, paths))
        theirs = features_of(kept, paths, merge(kept, paths[:7], tops))
    ours = images.features(range(7), images.everything)
    np.testing.assert_array_equal(ours.shares, theirs.shares)
    np.testing.assert_array_equal(ours.peaks, theirs.peaks)


def test_every_value_or_some(model, little):
    """Tensors this small are counted whole either way."""
    paths = [str(path) for path in little[:4]]
    measuring = Measuring.of(model)
    some, whole = observed(measuring, paths, ignore), observed_whole(measuring, paths)
    assert len(some) == len(whole) == 4
    np.testing.assert_array_equal(
        some.features(range(4), range(4)).shares, whole.features(range(4), range(4)).shares
    )


def test_a_set_stands_among_draws(model, little):
    """All of the pool is nearer than any part of it; a single image is beaten by most."""
    images = observed(Measuring.of(model), [str(path) for path in little], ignore)
    pool = images.pool(images.everything)
    among = [[*range(start, start + 6)] for start in range(6)]
    best, worst = placed(pool, [images.everything, [0]], among)
    assert (best.ks, best.ks_beats, best.shortfall) == (0, 1, 0)
    assert worst.ks_beats < 0.5


def test_the_command(model, little, tmp_path, capsys):
    """Five tables, as Markdown and as JSON; the same again."""
    file = tmp_path / "choices.json"
    call = [str(model), str(little[0].parent), "--draws", "20", "--sizes", "6", "4"]
    call += ["--halves", "2", "--half-sizes", "2", "--whole", "10", "--results", str(file)]
    assert choices.main(call) == 0
    shown, found = capsys.readouterr().out, json.loads(file.read_text())
    titles = [table["title"] for table in found["tables"]]
    assert len(titles) == 5
    assert all(title in shown for title in titles)
    assert all(len(line) == len(t["head"]) for t in found["tables"] for line in t["lines"])
    unseen = found["tables"][3]
    assert [line[:2] for line in unseen["lines"]] == [
        ["activations", 2],
        ["the whole half", 2],
        ["blend, shortfall", 2],
    ]
    assert all(0 <= number <= 100 for line in unseen["lines"] for number in line[2:5])
    assert choices.main(call) == 0
    assert json.loads(file.read_text())["tables"] == found["tables"]
    assert capsys.readouterr().out == shown


def test_what_is_wrong_is_said(model, tmp_path, capsys):
    """In a line, without a traceback."""
    assert choices.main([str(model), str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
