"""Workers that die while images go through a model: which image did it, and what goes on."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import faults
import smallsets
from pools import write_pool
from yolo_like import write_yolo_like

COUNT = 12


def compare(folder: Path, carried: dict[int, str]) -> subprocess.Popen[str]:
    """Begin to compare a list with a pool of which some images do what they carry."""
    paths = write_pool(folder / "pool", COUNT)
    for number, word in carried.items():
        Path(paths[number]).write_bytes(faults.carrying(number, word))
    write_yolo_like(folder / "m.onnx", 64)
    smallsets.write_list(folder / "a.txt", paths[:3])
    by_model = ("--model", "m.onnx", "--preset", "yolo11", "--draws", 5, "--jobs", 2)
    words = ("compare", "a.txt", "--pool", "pool", *by_model, "--json", "found.json")
    return faults.begun(folder, faults.CARRIERS, *words)


def test_images_that_end_their_worker_are_bad(tmp_path):
    """Named with the reason, and left out; every other one is measured."""
    process = compare(tmp_path, {4: "segv", COUNT - 1: "exit"})
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "2 bad images left out:" in out
    facts = json.loads((tmp_path / "found.json").read_text())
    assert facts["pool_images"] == COUNT - 2
    assert {Path(one["place"]).name[:4]: one["reason"] for one in facts["bad"]} == {
        "0004": "it killed its worker: signal 11 (SIGSEGV)",
        "0011": "it ended its worker: exit code 7",
    }
    assert list((tmp_path / "temporary").iterdir()) == []


def test_images_at_which_a_worker_was_killed_are_named(tmp_path):
    """From outside, as for want of memory: none is to blame, and the command ends with code 5."""
    process = compare(tmp_path, dict.fromkeys(range(COUNT), "slow"))
    faults.kill_one_of_two(tmp_path, process)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 5, err
    assert "a worker died while images went through the model" in err
    assert 1 <= len(re.findall(r"pool/\d{4}_\d\.jpg", err)) <= 2
    assert "alone, none of them does harm. Say fewer --jobs." in err
    assert "Traceback" not in err
