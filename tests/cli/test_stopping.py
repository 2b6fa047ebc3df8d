"""How soon a build ends that is told to, or whose parent is gone, and that it can go on."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

import faults
from sessions import session_of, wait_until
from streamcalib.building.marks import Mark, read_marks
from threatened import COUNT, HERE, check_set, run, start, write

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

WORKERS = {"loky": ("--jobs", 2), **HERE}
ENDINGS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}
LONG_TASKS = faults.constant("streamcalib.building.pace:_FIRST_ROWS", COUNT)
QUICK = (
    faults.constant("streamcalib.journal:_LEAST_SECONDS", 0.02),
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
    time.sleep(0.5)
    process.send_signal(number)
    time.sleep(0.5)
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
    before = marks(folder)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    after = marks(folder)
    # One that began just between the look and the signal may be counted, too.
    assert all(mark.turn <= before[name].turn + 1 for name, mark in after.items())
    assert f"{sum(mark.turn for mark in after.values())} of {COUNT} rows are kept" in err


def test_workers_whose_parent_was_killed_end_by_themselves(folder, started):
    """They look after their parent, and the build goes on from what it knew."""
    write(folder, dict.fromkeys(range(COUNT), "slow"))
    process = start(folder, *WORKERS["loky"], met=(faults.CARRIERS, LONG_TASKS))
    started.append(process)
    wait_until(lambda: len(marks(folder)) == 2, process)
    before = marks(folder)
    os.kill(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    process.wait()
    wait_until(lambda: session_of(process) == [])
    assert time.monotonic() - killed < 10
    assert all(mark.turn <= before[name].turn + 1 for name, mark in marks(folder).items())
    assert not (folder / "calib.npy").exists()
    told = run(folder, "--jobs", 1)
    assert told.code == 0, told
    check_set(folder, list(range(COUNT)))
