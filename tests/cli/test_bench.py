"""``streamcalib bench``: what it prints and writes, and that it leaves nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import smallsets
from streamcalib.bench import run_bench
from streamcalib.cli import commands
from streamcalib.errors import StoppedError

QUICK = ("--imgsz", 16, "--repeats", 1, "--seconds", 0.01)
BENCH = ("bench", "images", "--jobs", 2, "--backend", "threading", *QUICK)


def test_a_table_and_words_are_printed(told, images):
    """Machine, images, rows, every step and build, a finding, and what to change."""
    ended = told(*BENCH)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["machine", "images", "rows"]
    assert lines[1].startswith("images    6, chosen from 6 of a folder; on average ")
    for label in ("read (cached)", "decode", "write uint8", "write float32", "build float32"):
        assert any(line.startswith(label) for line in lines)
    assert "build uint8 / decode" in ended.out
    assert "\nWhat to change:\n  " in ended.out
    assert sorted(path.name for path in Path().iterdir()) == ["images", "list.txt"]


def test_the_same_with_processes(told, images):
    """loky is the default; the table has a column for each number of workers."""
    ended = told("bench", "list.txt", "--jobs", 2, *QUICK)
    assert (ended.code, ended.err) == (0, "")
    assert "1 worker  2 workers" in ended.out
    assert sorted(path.name for path in Path().iterdir()) == ["images", "list.txt"]


def test_json_goes_to_a_file(told, images):
    """Beside the table."""
    ended = told(*BENCH, "--json", "a.json")
    assert (ended.code, ended.err) == (0, "")
    assert "decode" in ended.out
    assert json.loads(Path("a.json").read_text())["parameters"]["jobs"] == [1, 2]


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_json_goes_to_standard_output(told, images, quiet):
    """And nothing else does."""
    ended = told(*BENCH, "--json", "-", *quiet)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["format"] == "streamcalib-bench"


def test_a_chart_is_drawn(told, images):
    """As a PNG."""
    assert told(*BENCH, "--quiet", "--chart", "a.png") == (0, "", "")
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


def test_every_option_reaches_the_bench(told, images):
    """Count, seed, size, dtype, decoder, window, repeats and folder do what they say."""
    Path("scratch").mkdir()
    ended = told(
        *("bench", "images", "--count", 4, "--seed", 7, "--imgsz", "8x16", "--dtype", "float16"),
        *("--jobs", 1, "--out", "scratch", "--backend", "threading", "--decoder", "simplejpeg"),
        *("--cache-window", 3, "--repeats", 2, "--seconds", 0.02, "--json", "-"),
    )
    found = json.loads(ended.out)
    parameters, row = found["parameters"], found["row"]
    assert parameters.pop("decoder").startswith("simplejpeg")
    assert parameters == {
        "jobs": [1],
        "backend": "threading",
        "cache_window_bytes": 3_000_000,
        "repeats": 2,
        "seconds": 0.02,
        "seed": 7,
    }
    assert (row["height"], row["width"], row["dtype"]) == (8, 16, "float16")
    assert found["images"]["count"] == 4
    assert all(len(m["images_per_second"]["repeats"]) == 2 for m in found["measurements"])
    assert list(Path("scratch").iterdir()) == []


def test_bad_images_are_told(told, images):
    """How many were left out, which and why; control characters are escaped."""
    Path("images/a\x1b[2J.jpg").write_bytes(b"no image")
    for path in images[:6]:
        path.write_bytes(b"")
    smallsets.make_images(Path("images"), 2, first=10)
    ended = told(*BENCH)
    assert (ended.code, ended.err) == (0, "")
    assert "7 bad images left out:\n" in ended.out
    assert ": the file is empty\n" in ended.out
    assert "  and 2 more\n" in ended.out
    assert "\x1b" not in ended.out


def test_no_good_image_is_wrong_input(told, images):
    """Exit code 2, with the reasons."""
    for path in images:
        path.write_bytes(b"")
    ended = told(*BENCH)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("streamcalib: error: none of the 6 images can become a row:\n")


@pytest.mark.parametrize("source", [(), ("images",)])
def test_a_dry_run_writes_nothing(told, images, tmp_path, source):
    """It says what would be measured, and what disk and memory that takes."""
    before = smallsets.contents(tmp_path)
    ended = told("bench", *source, "--dry-run", "--json", "a.json", "--chart", "a.png", *QUICK)
    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[0] for line in ended.out.splitlines()] == [
        *("images", "rows", "steps", "builds", "workers", "repeats", "disk", "memory")
    ]
    assert smallsets.contents(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere",),
        ("",),
        ("empty",),
        ("images", "--chart", ""),
        ("images", "--chart", "-"),
        ("images", "--chart", "folder.png"),
        ("images", "--chart", "/proc/a.png"),
        ("images", "--json", ""),
        ("images", "--json", "/proc/a.json"),
        ("images", "--json", "/dev/null"),
        ("images", "--json", "n" * 250),
        ("images", "--json", "n" * 300),
        ("images", "--json", "a.png", "--chart", "images/../a.png"),
        ("images", "--count", 0),
        ("images", "--jobs", 0),
        ("images", "--repeats", 0),
        ("images", "--seconds", -1),
        ("images", "--out", "nowhere"),
        ("images", "--out", "list.txt"),
        ("images", "--imgsz", 0),
        ("images", "--model", "no.onnx"),
        ("images", "--chart", "a.svg"),
        ("images", "--chart", "nowhere/a.png"),
        ("images", "--json", "nowhere/a.json"),
        ("images", "--json", "images"),
    ],
)
def test_wrong_usage_is_refused(told, images, tmp_path, monkeypatch, arguments):
    """Exit code 2, one line, and nothing written or measured."""
    for name in ("empty", "folder.png"):
        Path(name).mkdir()
    before = smallsets.contents(tmp_path)
    monkeypatch.setattr("streamcalib.cli.bench.run_bench", lambda *_: pytest.fail("measured"))
    ended = told("bench", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert "--ext" not in ended.err
    assert smallsets.contents(tmp_path) == before


@pytest.mark.parametrize("lost", ["a.json", "a.png"])
def test_outputs_that_were_there_stay_until_there_are_figures(told, images, monkeypatch, lost):
    """Trying whether they can be written changes nothing."""
    Path(lost).write_bytes(b"old")

    def fail(*_arguments):
        assert Path(lost).read_bytes() == b"old"
        raise StoppedError("the disk is full.")

    monkeypatch.setattr("streamcalib.cli.bench.run_bench", fail)
    assert told(*BENCH, "--json", "a.json", "--chart", "a.png").code == 5
    assert Path(lost).read_bytes() == b"old"
    assert sorted(path.name for path in Path().iterdir()) == [lost, "images", "list.txt"]


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
@pytest.mark.parametrize(
    ("lost", "option", "kept"), [("a.json", "--json", "a.png"), ("a.png", "--chart", "a.json")]
)
def test_what_cannot_be_saved_loses_nothing_else(
    told, images, monkeypatch, quiet, lost, option, kept
):
    """The table is printed, the other file saved, and the exit code tells."""

    def measured(*arguments):
        result = run_bench(*arguments)
        Path(lost).mkdir()
        return result

    monkeypatch.setattr("streamcalib.cli.bench.run_bench", measured)
    ended = told(*BENCH, "--json", "a.json", "--chart", "a.png", *quiet)
    assert ended.code == 2
    assert ended.err.startswith(f"streamcalib: error: {option} {lost} cannot be written: ")
    assert "What to change:" in ended.out
    assert Path(kept).stat().st_size > 1000


def test_a_chart_without_matplotlib_is_refused_before_measuring(told, images, monkeypatch):
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ended = told(*BENCH, "--chart", "a.png")
    assert (ended.code, ended.out) == (2, "")
    assert "pip install 'streamcalib[bench]'" in ended.err


def test_help_names_every_option(told):
    """Each with its help, and units and defaults where there are any."""
    shown = " ".join(told("bench", "--help").out.split())
    options = [name for param in commands.commands["bench"].params for name in param.opts]
    assert "[default: 500 a worker, at most 4000, and what half" in shown
    assert {"--count", "--jobs", "--json", "--chart", "--dry-run", "--quiet"} <= set(options)
    assert all(name in shown for name in options if name.startswith("--"))
    for default in ("42", "3", "1.0", "loky", "auto", "."):
        assert f"[default: {default}]" in shown
    assert "in seconds" in shown


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0, 0.3, 1.2])
def test_a_bench_that_is_interrupted_leaves_nothing(images, tmp_path, backend, number, delay):
    """Exit code and message are a build's; scratch and temporary folders are gone."""
    for name in ("scratch", "temporary"):
        (tmp_path / name).mkdir()
    process = subprocess.Popen(
        smallsets.command(
            *("bench", "images", "--jobs", 2, "--backend", backend, "--imgsz", 64),
            *("--out", "scratch", "--seconds", 0.1, "--repeats", 1000),
        ),
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        while process.poll() is None and not list((tmp_path / "scratch").iterdir()):
            time.sleep(0.01)
        time.sleep(delay)
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number
    assert out == ""
    assert err.strip().startswith("streamcalib: ")
    assert err.strip().count("\n") == 0
    assert list((tmp_path / "scratch").iterdir()) == []
    assert list((tmp_path / "temporary").iterdir()) == []
