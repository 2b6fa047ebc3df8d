"""Tasks side by side: each in a worker of its own, and none left behind."""

from __future__ import annotations

import os
import threading
from functools import partial

import pytest

from streamcalib.benching.gate import Gate
from streamcalib.benching.together import end_workers, side_by_side
from streamcalib.errors import StoppedError


def where(gate: Gate, number: int) -> tuple[int, int]:
    gate.wait(number)
    return os.getpid(), threading.get_ident()


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_every_task_has_a_worker_of_its_own(tmp_path, backend, jobs):
    """Processes with loky, threads with threading, and this thread for a single task."""
    workers = side_by_side(partial(where, Gate(str(tmp_path), jobs)), list(range(jobs)), backend)
    assert len(set(workers)) == jobs
    assert ({pid for pid, _ in workers} == {os.getpid()}) == (jobs == 1 or backend == "threading")
    end_workers(backend)


def test_workers_that_are_ended_start_anew(tmp_path):
    """So that a start can be measured."""
    pids = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        gate = Gate(str(tmp_path / name), 2)
        pids.append({pid for pid, _ in side_by_side(partial(where, gate), [0, 1], "loky")})
        end_workers("loky")
    assert not pids[0] & pids[1]


@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")
def test_a_dead_worker_is_told():
    """What it most often is, and what helps."""
    with pytest.raises(StoppedError, match="fewer --jobs"):
        side_by_side(os._exit, [1, 1], "loky")


def test_a_failure_is_raised_once_the_others_have_ended(tmp_path):
    """They are sent away from the gate, and no thread is at work afterwards."""
    gate = Gate(str(tmp_path), 3)
    begun, ended = [], []

    def task(number: int) -> None:
        if number == 1:
            raise ZeroDivisionError
        begun.append(number)
        try:
            gate.wait(number)
        finally:
            ended.append(number)

    with pytest.raises(ZeroDivisionError):
        side_by_side(task, [0, 1, 2], "threading", gate.close)
    assert sorted(ended) == sorted(begun)
