"""``python -m benchmarks``: everything at toy size, for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import benchmarks.__main__ as main_module
import smallsets
from benchmarks.__main__ import NAMES
from benchmarks.settings import HERE, Settings

COMMAND = [sys.executable, "-m", "benchmarks"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent)}
README = (HERE / "README.md").read_text(encoding="utf-8")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=500,
    )


def test_every_benchmark_is_listed_and_explained():
    """By --list, and in the README's table."""
    listed = [line.split()[0] for line in run("--list").stdout.splitlines()]
    assert listed == list(NAMES)
    for name in listed:
        assert f"\n| `{name}` | " in README


def test_wrong_usage_is_told():
    """With exit code 2, before anything is made."""
    for arguments in (
        ("--only", "nothing"),
        ("--rounds", "0"),
        ("--jobs", "many"),
        ("--images", "x"),
    ):
        ended = run(*arguments)
        assert ended.returncode == 2
        assert "usage:" in ended.stderr


@pytest.mark.parametrize(
    ("option", "says"),
    [("--images", "no image ending in"), ("--scratch", "file exists"), ("--results", "directory")],
)
def test_what_cannot_be_used_is_told_before_anything_is_measured(tmp_path, option, says):
    """A folder without images, a file as the scratch folder, a folder as the file of results."""
    given = tmp_path / "given"
    given.write_text("") if option == "--scratch" else given.mkdir()
    arguments = ["--toy", "--only", "decoding", "--scratch", tmp_path / "scratch", option, given]
    ended = run(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert says in ended.stderr.splitlines()[-1].lower()
    assert "round" not in ended.stderr


def test_results_are_not_replaced_unasked(tmp_path, monkeypatch):
    """A second run of a day gets a name of its own."""
    monkeypatch.setattr(main_module, "HERE", tmp_path)
    first = main_module._default_file(Settings(scratch=tmp_path), toy=False)
    first.parent.mkdir()
    first.write_text("{}")
    second = main_module._default_file(Settings(scratch=tmp_path), toy=False)
    assert second != first
    assert second.name == f"{first.stem}_2.json"


@pytest.mark.slow
def test_a_bad_image_is_named_in_the_reason(tmp_path):
    """A build that fails says why, and not what an option of another command would do."""
    paths = smallsets.make_images(tmp_path / "images", 3)
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    ended = run(
        *("--toy", "--only", "decoding", "--rounds", 1, "--jobs", 1),
        *("--images", tmp_path / "images", "--scratch", tmp_path / "scratch"),
    )
    assert ended.returncode == 1
    assert "images are bad: 000001.jpg: " in ended.stdout
    assert "--on-bad" not in ended.stdout


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> tuple[str, str, Path]:
    """What a whole run of toy size printed and wrote, and its scratch folder."""
    scratch = tmp_path_factory.mktemp("toy") / "scratch"
    ended = run("--toy", "--rounds", 1, "--jobs", 2, "--scratch", scratch)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, (scratch / "toy.json").read_text(), scratch


@pytest.mark.slow
def test_the_results_are_what_the_readme_says(toy):
    """Every key is explained there, and every figure has values or a reason."""
    printed, text, scratch = toy
    found = json.loads(text)
    assert found["format"] == "streamcalib-benchmarks"
    for key in (*found, *found["figures"][0]):
        assert f"`{key}`" in README
    for figure in found["figures"]:
        assert bool(figure["values"]) != bool(figure["absent"])
        assert f"| {figure['name']} | " in printed
    assert found["corpus"]["images"] == 8
    assert str(scratch) not in text


@pytest.mark.slow
def test_everything_ran(toy):
    """Absent may be only what this machine lacks, peers and control groups, and a model."""
    _, text, _ = toy
    found = json.loads(text)
    assert {*found["rounds"], "decoding", "writing", "plain", "peers"} == {*NAMES, "comparison"}
    for figure in found["figures"]:
        if figure["absent"]:
            reasons = ("pip install", "no peer is present", "run as root", "say --model")
            assert any(reason in figure["absent"] for reason in reasons), figure
    for name in ("plain script", "torch DataLoader, uint8", "uint8 build of the peers' images"):
        turn = found["rounds"]["comparison"][0][name]
        assert turn.get("absent") or turn["rows"] == 8
    for benchmark in found["rounds"].values():
        assert len(benchmark) == 1
        for turn in benchmark[0].values():
            assert turn.get("absent") or turn["seconds"] > 0


@pytest.mark.slow
def test_only_images_lists_and_results_are_left(toy):
    """Every output was deleted."""
    _, _, scratch = toy
    left = {path.name for path in scratch.iterdir()}
    assert left == {"lists", "photographs", "small", "toy.json"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process_and_no_output(tmp_path, number):
    """Ctrl-C and SIGTERM end the run and all below it."""
    arguments = ["--toy", "--only", "memory", "--scratch", str(tmp_path / "scratch")]
    process = subprocess.Popen([*COMMAND, *arguments], env=ENVIRONMENT)
    watched = psutil.Process(process.pid)
    while not (members := watched.children(recursive=True)):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(timeout=60) == 128 + number
    _, alive = psutil.wait_procs(members, timeout=20)
    assert not alive
    assert not (tmp_path / "scratch" / "outputs").exists()
