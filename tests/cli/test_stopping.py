"""How soon a build ends that is told to, or whose parent is gone, and that it can go on."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

import faults
from sessions import kept_rows, session_of, wait_until
from streamcalib.workers.marks import Mark, read_marks
from threatened import COUNT, HERE, check_set, run, start, write

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

WORKERS = {"loky": ("--jobs", 2), **HERE}
ENDINGS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}
LONG_TASKS = faults.constant("streamcalib.building.pace:_FIRST_ROWS", COUNT)
QUICK = (
    faults.constant("streamcalib.journal:_LEAST_SECONDS", 0),
    faults.constant("streamcalib.journal:_TIMES_ITS_COST", 0),
)


@pytest.fixture
def folder(tmp_path) -> Path:
    write(tmp_path)
    return tmp_path


@pytest.fixture
def started():
    """Builds that were started; whatever is left of them in the end is killed."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        for member in session_of(process):
            member.kill()
        process.communicate()


def marks(folder: Path) -> dict[str, Mark]:
    return {mark.name: mark for mark in read_marks(folder / "calib.npy.build" / "marks")}


def is_told(folder: Path) -> bool:
    """Whether workers are told to stop."""
    return (folder / "calib.npy.build" / "marks" / "stop").read_bytes()[0] == 1


def went_on(before: dict[str, Mark], folder: Path) -> list[str]:
    """Return the workers that have begun more than one image since."""
    turns = {name: mark.turn for name, mark in before.items()}
    return [name for name, mark in marks(folder).items() if mark.turn > turns.get(name, 0) + 1]


@pytest.mark.parametrize(
    ("number", "workers"),
    [*((signal.SIGINT, workers) for workers in WORKERS), (signal.SIGTERM, "loky")],
)
def test_the_second_signal_ends_a_build_at_once(folder, started, workers, number):
    """Though an image hangs; mended, the same command goes on."""
    write(folder, {COUNT - 4: "hang"})
    process = start(folder, *WORKERS[workers], met=(faults.CARRIERS, *QUICK))
    started.append(process)

    def hangs() -> bool:
        return any(mark.source == COUNT - 4 for mark in marks(folder).values())

    wait_until(hangs, process)
    # Only once rows are in the journal is it sure that the parent listens.
    wait_until(lambda: kept_rows(folder) > 0, process)
    process.send_signal(number)
    wait_until(lambda: is_told(folder), process)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    code, word = ENDINGS[number]
    assert (process.returncode, out) == (code, "")
    assert f"streamcalib: {word}. " in err
    assert f" of {COUNT} rows are kept in " in err
    assert "Traceback" not in err
    wait_until(lambda: session_of(process) == [])
    write(folder, {COUNT - 4: "none"})
    told = run(folder, "--jobs", 1)
    assert told.code == 0
    assert f" of {COUNT} rows kept" in told.err
    check_set(folder, list(range(COUNT)))


@pytest.mark.parametrize("workers", WORKERS)
def test_the_first_signal_lets_each_worker_finish_its_row(folder, started, workers):
    """However long its task is, a worker begins no other row; what was begun is kept."""
    write(folder, dict.fromkeys(range(COUNT), "slow"))
    process = start(folder, *WORKERS[workers], met=(faults.CARRIERS, LONG_TASKS))
    started.append(process)
    wait_until(lambda: any(mark.turn > 1 for mark in marks(folder).values()), process)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: is_told(folder), process)
    before = marks(folder)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert went_on(before, folder) == []
    assert f"{sum(mark.turn for mark in marks(folder).values())} of {COUNT} rows are kept" in err


def test_workers_whose_parent_was_killed_end_by_themselves(folder, started):
    """They look after their parent, and the build goes on from what it knew."""
    write(folder, dict.fromkeys(range(COUNT), "slow"))
    process = start(folder, *WORKERS["loky"], met=(faults.CARRIERS, LONG_TASKS))
    started.append(process)
    wait_until(lambda: len(marks(folder)) == 2, process)
    os.kill(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    process.wait()
    before = marks(folder)
    wait_until(lambda: session_of(process) == [])
    assert time.monotonic() - killed < 30
    assert went_on(before, folder) == []
    assert not (folder / "calib.npy").exists()
    told = run(folder, "--jobs", 1)
    assert told.code == 0, told
    check_set(folder, list(range(COUNT)))
