"""Calibration from memory and from a set, as it is timed; the calibration itself needs a GPU."""

from __future__ import annotations

import gc
import time

import numpy as np
import pytest

from benchmarks import gpu_calibration
from benchmarks.calibrators import ReadyRows, TimedReader

ROWS = np.arange(6 * 3 * 2 * 2, dtype=np.float32).reshape(6, 3, 2, 2)


@pytest.mark.parametrize("batch", [1, 2, 6])
def test_ready_rows_are_given_in_order_and_again(batch):
    """Every step is a view of the one array; rewound, all come once more."""
    ready = ReadyRows(ROWS, "images", batch)
    for _ in range(2):
        steps = list(iter(ready.get_next, None))
        assert len(steps) == 6 // batch
        assert all(np.shares_memory(step["images"], ROWS) for step in steps)
        np.testing.assert_array_equal(np.concatenate([s["images"] for s in steps]), ROWS)
        np.testing.assert_array_equal(ready.get_first()["images"], ROWS[:batch])
        ready.rewind()


def test_memory_is_looked_at_before_every_step():
    """What is held of one step, but not of the first, is found to have grown."""
    held = []

    class Hoarder:
        def get_next(self):
            held.append(np.ones(32 * 2**20, np.uint8))
            return held[-1] if len(held) < 3 else None

    # What earlier tests left would be freed meanwhile.
    gc.collect()
    timed = TimedReader(Hoarder())
    while timed.get_next() is not None:
        pass
    assert len(timed.anonymous_bytes) == 3
    assert timed.grown_bytes == pytest.approx(64 * 2**20, rel=0.4)
    assert timed.seconds > 0


def test_steps_are_timed_from_the_first_to_the_end():
    """A look at the first step is none, and the time between steps is not the reader's."""
    timed = TimedReader(ReadyRows(ROWS, "images", 2))
    np.testing.assert_array_equal(timed.get_first()["images"], ROWS[:2])
    assert timed.begun == 0.0
    before = time.perf_counter()
    while timed.get_next() is not None:
        time.sleep(0.01)
    assert before <= timed.begun < timed.ended - 0.03 <= time.perf_counter()
    assert timed.seconds < timed.ended - timed.begun - 0.03


def test_figures_compare_what_has_the_same_batches():
    """Times are a ratio round by round; shares and memory are told of both."""

    def turn(seconds, share, grown):
        whole = {"whole_seconds": 2 * seconds + 2}
        return {"seconds": seconds, "waiting_share": share, "grown_bytes": grown, **whole}

    turns = {
        "rows in memory, batches of 8": turn(4.0, 0.0, 3_000_000),
        "uint8 store, batches of 8": turn(5.0, 0.25, 7_000_000),
        "rows in memory, batches of 1": turn(1.0, 0.5, 0),
        "uint8 store, batches of 1": turn(1.0, 0.5, 0),
    }
    found = {f.name: f.values for f in gpu_calibration._figures([turns] * 2, 8)}
    assert found == {
        "calibration from a uint8 store / from memory, time, batches of 8": (1.25, 1.25),
        "all that the tool does from a uint8 store / from memory, time, batches of 8": (1.2, 1.2),
        "share of time that waits for rows in memory, batches of 8": (0.0, 0.0),
        "share of time that waits for uint8 store, batches of 8": (0.25, 0.25),
        "memory grown, rows in memory, batches of 8": (3.0, 3.0),
        "memory grown, uint8 store, batches of 8": (7.0, 7.0),
    }
