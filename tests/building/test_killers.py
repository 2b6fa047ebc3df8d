"""Workers that die and images that kill them: the build goes on, and the right one is blamed."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

import smallsets
from streamcalib.workers.marks import read_marks
from threatened import COUNT, HERE, check_set, name, run, start, write

if TYPE_CHECKING:
    from pathlib import Path

SEGV = "it killed its worker: signal 11 (SIGSEGV)"
EXIT = "it ended its worker: exit code 7"
SLOW = "it took longer than 1 s (--image-timeout)"


@pytest.fixture
def folder(tmp_path) -> Path:
    write(tmp_path)
    return tmp_path


def failures(folder: Path) -> dict[str, str]:
    found = json.loads((folder / "calib.npy.json").read_text())["failures"]
    return {failure["path"]: failure["reason"] for failure in found}


def holes_filled(bad: set[int], count: int = COUNT) -> list[int]:
    """Return the pictures of a set whose bad ones were left out: the last good ones fill holes."""
    good = [number for number in range(count) if number not in bad]
    kept = count - len(bad)
    behind = [number for number in reversed(good) if number >= kept]
    return [behind.pop(0) if number in bad else number for number in range(kept)]


def test_a_worker_that_is_killed_from_outside_costs_nothing(folder):
    """No image is blamed, and every row is made."""
    write(folder, dict.fromkeys(range(4, COUNT), "slow"))
    process = start(folder, "--jobs", 2)
    for _ in range(6000):
        busy = [m for m in read_marks(folder / "calib.npy.build" / "marks") if m.source is not None]
        if len(busy) == 2:
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.kill(busy[0].pid, signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "a worker died" in err
    assert failures(folder) == {}
    check_set(folder, list(range(COUNT)))


def test_a_killer_is_reported_and_the_rest_is_kept(folder):
    """With --on-bad stop: exit code 3, its name and why; mended, the same command goes on."""
    write(folder, {5: "segv"})
    told = run(folder, "--jobs", 2)
    assert (told.code, told.out) == (3, "")
    assert f"1 of {COUNT} images is bad:\n  {name(5)}: {SEGV}\n" in told.err
    assert f"{COUNT - 1} of {COUNT} rows are kept" in told.err
    assert "Traceback" not in told.err
    write(folder, {5: "none"})
    told = run(folder, "--jobs", 1)
    assert told.code == 0
    assert f"{COUNT - 1} of {COUNT} rows kept" in told.err
    check_set(folder, list(range(COUNT)))


@pytest.mark.parametrize(
    ("jobs", "carried"),
    [(2, {0: "segv", 9: "exit"}), (4, {1: "segv", COUNT - 1: "segv"})],
)
def test_several_killers_are_left_out(folder, jobs, carried):
    """--on-bad skip ends well, and names each with its reason."""
    write(folder, carried)
    told = run(folder, "--jobs", jobs, "--on-bad", "skip")
    assert told.code == 0, told
    reasons = {"segv": SEGV, "exit": EXIT}
    assert failures(folder) == {name(n): reasons[word] for n, word in carried.items()}
    check_set(folder, holes_filled(set(carried)))


@pytest.mark.parametrize("workers", [("--jobs", 2), HERE["one job"]], ids=["loky", "one job"])
def test_spares_that_kill_are_passed_over(folder, workers):
    """--on-bad replace takes the next spare; where a killer ends the build, it is run again."""
    spares = 6
    first = COUNT - spares
    write(folder, {3: "segv", first: "segv", first + 2: "segv"}, spares)
    told = run_until_it_ends(folder, *workers, "--on-bad", "replace", killers=3)
    assert told.code == 0, told
    assert failures(folder) == {name(n): SEGV for n in (3, first)}
    check_set(folder, [first + 1 if n == 3 else n for n in range(first)])


def run_until_it_ends(folder: Path, *words: object, killers: int) -> smallsets.Told:
    """Run the same command again while its own images take it down, each once at most."""
    for _ in range(killers + 1):
        told = run(folder, *words)
        if told.code != -signal.SIGSEGV:
            return told
        assert not (folder / "calib.npy").exists()
    pytest.fail("killers take the build down again and again")


@pytest.mark.parametrize(
    ("workers", "killers"), [("one job", (0, 1, 12)), ("threading", (5, COUNT - 1))]
)
def test_a_killer_in_the_builds_own_process_is_found_by_its_mark(folder, workers, killers):
    """It takes the build down; run again, the same command finds it, and goes on to the end."""
    write(folder, dict.fromkeys(killers, "segv"))
    told = run_until_it_ends(folder, *HERE[workers], "--on-bad", "skip", killers=len(killers))
    assert told.code == 0, told
    assert failures(folder) == {name(n): SEGV for n in killers}
    check_set(folder, holes_filled(set(killers)))


def test_images_that_hang_are_given_up(folder):
    """Their workers are ended, and each is tried once more alone: then it is bad."""
    write(folder, {7: "hang", 8: "stuck"})
    told = run(folder, "--jobs", 2, "--image-timeout", 1, "--on-bad", "skip")
    assert told.code == 0, told
    assert failures(folder) == {name(7): SLOW, name(8): SLOW}
    check_set(folder, holes_filled({7, 8}))


def test_workers_that_die_of_nothing_in_particular_stop_the_build(folder):
    """Again and again, with no image to blame: exit code 5, and what may help."""
    killed = {
        "at": "streamcalib.building.worker:make_rows",
        "when": "before",
        "call": "every",
        "does": "kill self",
        "only": "workers",
    }
    told = run(folder, "--jobs", 2, met=(killed,))
    assert (told.code, told.out) == (5, "")
    assert "workers died 3 times in a row, and no image is to blame" in told.err
    assert "Run the same command again with fewer --jobs." in told.err
    assert "Traceback" not in told.err
    assert not (folder / "calib.npy").exists()
    assert run(folder, "--jobs", 1).code == 0
    check_set(folder, list(range(COUNT)))
