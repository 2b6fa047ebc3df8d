"""The curve of ever more workers, at toy size."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import smallsets
from benchmarks import crossed, curve, scaling
from benchmarks.children import run_child


def test_numbers_of_workers_are_powers_of_two_and_all_cores():
    """1, 2, 4 and so on; all cores, whatever their number."""
    assert scaling.worker_counts(1) == (1,)
    assert scaling.worker_counts(2) == (1, 2)
    assert scaling.worker_counts(6) == (1, 2, 4, 6)
    assert scaling.worker_counts(16) == (1, 2, 4, 8, 16)


@pytest.mark.slow
def test_a_run_has_every_figure_and_a_curve(tmp_path):
    """JSON and PNG are written, and every figure has values or a reason."""
    file = tmp_path / "curve.json"
    code = scaling.main(
        [
            *("--toy", "--rounds", "1", "--jobs", "1", "2", "4", "--disk", str(tmp_path / "disk")),
            *("--memory", str(tmp_path / "memory"), "--results", str(file)),
        ]
    )
    assert code == 0
    found = json.loads(file.read_text())
    assert found["parameters"]["numbers_of_workers"] == [1, 2, 4]
    assert set(found["filesystems"]) == {"disk", "memory"}
    assert not [figure for figure in found["figures"] if figure["absent"]]
    names = {figure["name"] for figure in found["figures"]}
    assert "bare decoding: 4 workers / 4 times 1" in names
    assert "crossed, float32, memory: 4 workers / bare decoding" in names
    assert "loky, uint8, disk: 4 workers / 4 times 1" in names
    assert "threading, uint8, memory: 4 workers / 4 times 1, after the start" in names
    assert "loky, float32, disk: 2 workers / bare decoding, after the start" in names
    rows = {called: turn.get("rows") for called, turn in found["rounds"]["scaling"][0].items()}
    assert rows["loky, uint8, memory, 4"] == 16
    assert rows["loky, float32, memory, 4"] == 8
    assert rows["threading, uint8, memory, 4"] == rows["loky, uint8, disk, 4"] == 8
    assert not [name for name in rows if name.startswith("threading") and name.endswith(", 1")]
    height, width = cv2.imread(str(file.with_suffix(".png"))).shape[:2]
    assert min(height, width) > 300
    assert str(tmp_path) not in file.read_text()


def test_runs_are_drawn_together(tmp_path, monkeypatch):
    """Medians are those of all rounds of all runs; the picture stands beside the first."""
    drawn = {}
    monkeypatch.setattr(curve, "_panel", lambda _, lines, dtype: drawn.update({dtype: lines}))
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    turns = [
        [{"bare decoding, 1": {"rate": 10.0}, "loky, uint8, memory, 1": {"rate": 4.0}}],
        [{"bare decoding, 1": {"rate": 20.0}, "loky, uint8, disk, 1": {"absent": "no disk"}}] * 2,
    ]
    for file, rounds in zip(files, turns, strict=True):
        found = {"machine": {"cpu": "a", "cores": 1}, "rounds": {"scaling": rounds}}
        file.write_text(json.dumps(found))
    assert scaling.main(["--plot", *map(str, files)]) == 0
    assert cv2.imread(str(tmp_path / "a.png")) is not None
    assert drawn["uint8"] == {"bare decoding": {1: 20.0}, "loky, uint8, memory": {1: 4.0}}


@pytest.mark.parametrize("store", ["uint8", "final"])
def test_threads_within_processes_make_the_same_rows(tmp_path, store):
    """The arrangement that builds do not have makes what builds make."""
    paths = smallsets.make_images(tmp_path / "images", 12)
    listed = smallsets.write_list(tmp_path / "list.txt", paths)
    turn = crossed.work(str(listed), str(tmp_path / "a.npy"), 16, store, 4, 2)
    expected = smallsets.rows(paths)
    made = np.load(tmp_path / "a.npy")
    assert turn["rows"] == len(made) == 12
    np.testing.assert_array_equal(np.float32(made) / 255 if store == "uint8" else made, expected)


def test_a_bad_image_fails_it(tmp_path):
    """A rate of rows that were never made would be a lie."""
    paths = smallsets.make_images(tmp_path / "images", 3)
    paths[1].write_bytes(b"")
    listed = smallsets.write_list(tmp_path / "list.txt", paths)
    with pytest.raises(ValueError, match="1 images are bad"):
        crossed.work(str(listed), str(tmp_path / "a.npy"), 16, "uint8", 2, 2)


def test_processes_decode_side_by_side(tmp_path):
    """The rate is the sum of theirs."""
    paths = smallsets.make_images(tmp_path / "images", 3)
    listed = smallsets.write_list(tmp_path / "list.txt", paths)
    turn = run_child("decode_many", list_file=listed, jobs=2, seconds=0.05)
    assert turn["slowest"] <= turn["fastest"] <= turn["rate"]
    assert turn["rate"] == pytest.approx(turn["slowest"] + turn["fastest"])
    assert Path(listed).exists()
