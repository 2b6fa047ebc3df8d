"""Memory: what a build or a reader holds does not grow with the set."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest

import smallsets

ALLOWED_MB = 30
pytestmark = pytest.mark.slow


def anonymous_mb(process: psutil.Process) -> float:
    """Return the anonymous memory of a process and its children.

    A child that was just forked, a worker's too, is its parent once more, and is not counted.
    """
    total = 0
    family = {process.pid: process.cmdline()}
    for member in (process, *process.children(recursive=True)):
        try:
            family[member.pid] = member.cmdline()
            if member is not process and family[member.pid] == family.get(member.ppid()):
                continue
            status = Path(f"/proc/{member.pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
            continue
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        total += int(found[1]) if found else 0
    return total / 1024


def peak_mb(command: list[str], folder: Path) -> float:
    """Return the largest anonymous memory that a command had at any time."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    peak = 0.0
    watching = threading.Event()

    def watch() -> None:
        nonlocal peak
        watched = psutil.Process(process.pid)
        while not watching.is_set():
            try:
                peak = max(peak, anonymous_mb(watched))
            except psutil.NoSuchProcess:
                return
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, _ = process.communicate(timeout=300)
    watching.set()
    watcher.join()
    assert process.returncode == 0, out
    return peak


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A hundred images, and lists that name them once and thirty times."""
    folder = tmp_path_factory.mktemp("memory")
    paths = smallsets.make_images(folder / "images", 100)
    for count in (100, 3000):
        entries = [f"images/{paths[n % 100].name}" for n in range(count)]
        smallsets.write_list(folder / f"list{count}.txt", entries)
    return folder


@pytest.mark.parametrize("workers", [("--jobs", 1), ("--jobs", 2)], ids=["serial", "loky"])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_build_needs_the_same_for_any_number_of_images(folder, workers, suffix):
    """Thirty times as many rows, 147 MB in all, take no more memory."""
    peaks = {
        count: peak_mb(
            smallsets.command(
                *("build", "--list", f"list{count}.txt", "--imgsz", 64, *workers),
                *("--out", f"calib{count}_{len(workers)}_{workers[1]}.{suffix}"),
            ),
            folder,
        )
        for count in (100, 3000)
    }
    assert peaks[3000] < peaks[100] + ALLOWED_MB, peaks


def test_finalizing_holds_a_part_at_a_time(folder):
    """A copy of the whole set would be 147 MB; a part is 32."""
    build = ("build", "--list", "list3000.txt", "--imgsz", 64, "--out", "source.npy", "--jobs", 1)
    assert smallsets.run(*build, cwd=folder).code == 0
    information = peak_mb(smallsets.command("info", "source.npy"), folder)
    finalizing = peak_mb(smallsets.command("finalize", "source.npy", "--out", "source.npz"), folder)
    assert finalizing < information + ALLOWED_MB + 2 * 32, (finalizing, information)


@pytest.fixture(scope="module")
def source(folder) -> str:
    """A set of 3,000 rows, 147 MB of values."""
    build = ("build", "--list", "list3000.txt", "--imgsz", 64, "--out", "exported.npy", "--jobs", 1)
    assert smallsets.run(*build, cwd=folder).code == 0
    return "exported.npy"


@pytest.mark.parametrize(
    "words",
    [
        ("hailo", "--out", "h.npy", "--dtype", "float32"),
        ("folder", "--out", "f"),
        ("qai-hub", "--out", "q.h5"),
    ],
    ids=lambda words: words[0],
)
def test_exporting_holds_a_part_at_a_time(folder, source, words):
    """Three times as many rows take no more memory, in one file, in many, or compressed."""
    peaks = {}
    for count in (1000, 3000):
        exporting = ("finalize", source, "--for", *words, "--rows", count, "--overwrite")
        peaks[count] = peak_mb(smallsets.command(*exporting), folder)
    assert peaks[3000] < peaks[1000] + ALLOWED_MB, peaks


READER = """
import json, re, sys
from pathlib import Path
import streamcalib

def memory():
    return int(re.search(r"RssAnon:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

reader = streamcalib.CalibrationSet.open(sys.argv[1]).modelopt_reader("images")
seen = []
while (step := reader.get_next()) is not None:
    float(step["images"].sum())
    seen.append(memory())
print(json.dumps([len(seen), seen[0], max(seen)]))
"""


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_reader_is_flat(folder, suffix):
    """Reading 3,000 rows one after another takes no more than reading the first."""
    build = ("build", "--list", "list3000.txt", "--imgsz", 64, "--jobs", 1)
    out = f"read.{suffix}"
    assert smallsets.run(*build, "--out", out, cwd=folder).code == 0
    ended = smallsets.run(out, cwd=folder, program=READER)
    assert ended.code == 0, ended.err
    steps, first, most = json.loads(ended.out)
    assert steps == 3000
    assert most < first + ALLOWED_MB


def test_a_report_needs_the_same_for_any_number_of_rows(folder):
    """Thirty times as many rows, of which it shows as many, take no more memory."""
    peaks = {}
    for count in (100, 3000):
        out = f"reported{count}.npy"
        build = ("build", "--list", f"list{count}.txt", "--imgsz", 64, "--out", out, "--jobs", 1)
        assert smallsets.run(*build, cwd=folder).code == 0
        arguments = ("report", out, "--out", f"{count}.html", "--rows", 50, "--jobs", 2)
        peaks[count] = peak_mb(smallsets.command(*arguments), folder)
    assert peaks[3000] < peaks[100] + ALLOWED_MB, peaks
