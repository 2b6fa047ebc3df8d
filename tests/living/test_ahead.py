"""Canvases made ahead: order, how many are held, other orders, errors, and threads that end."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from streamcalib.living.ahead import CanvasesAhead

SHAPE = (3, 8, 8)


class Maker:
    """Makes the canvas of a row, filled with its number, and counts."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.bad: int | None = None
        self._lock = threading.Lock()

    def __call__(self, row: int) -> np.ndarray:
        with self._lock:
            self.made.append(row)
        if row == self.bad:
            raise ValueError(f"row {row} is bad")
        return np.full(SHAPE, row, np.uint8)


def read(ahead: CanvasesAhead, start: int, stop: int) -> list[int]:
    """Read rows and return the numbers that their canvases are filled with."""
    out = np.empty((stop - start, *SHAPE), np.uint8)
    ahead.read(start, out)
    assert all((canvas == canvas[0, 0, 0]).all() for canvas in out)
    return [int(canvas[0, 0, 0]) for canvas in out]


def threads() -> list[threading.Thread]:
    """Return the threads that make rows."""
    return [each for each in threading.enumerate() if each.name.startswith("streamcalib-live")]


def settle(maker: Maker) -> int:
    """Wait until nothing more is made, and return how many canvases were."""
    before = -1
    while before != len(maker.made):
        before = len(maker.made)
        time.sleep(0.05)
    return before


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("size", [1, 4, 50])
def test_in_order_each_row_is_made_once(jobs, size):
    """Whatever the step, the rows come in order, and none is made twice."""
    maker = Maker()
    ahead = CanvasesAhead(maker, 50, jobs)
    found = []
    for start in range(0, 50, size):
        found += read(ahead, start, min(start + size, 50))
    assert found == list(range(50))
    assert sorted(maker.made) == list(range(50))


def test_no_more_is_made_than_two_a_worker_or_a_step():
    """Before a reader that takes its time, a bounded number of canvases is made."""
    maker = Maker()
    ahead = CanvasesAhead(maker, 200, 2)
    assert read(ahead, 0, 1) == [0]
    assert settle(maker) == 1 + 4
    assert read(ahead, 1, 11) == list(range(1, 11))
    assert settle(maker) == 11 + 10
    ahead.close()


def test_what_is_made_ahead_has_a_limit_in_bytes(monkeypatch):
    """A step of huge canvases does not double what is held."""
    monkeypatch.setattr("streamcalib.living.ahead._MOST_AHEAD_BYTES", 3 * 8 * 8 * 6)
    maker = Maker()
    ahead = CanvasesAhead(maker, 200, 1)
    assert read(ahead, 0, 50) == list(range(50))
    assert settle(maker) == 50 + 6
    ahead.close()


def test_other_orders():
    """Rows at random are right, alone are made, and reading in order goes on after them."""
    maker = Maker()
    ahead = CanvasesAhead(maker, 100, 2)
    assert read(ahead, 70, 72) == [70, 71]
    assert settle(maker) == 2
    assert read(ahead, 10, 12) == [10, 11]
    assert read(ahead, 12, 14) == [12, 13]
    assert settle(maker) > 6
    assert read(ahead, 0, 2) == [0, 1]
    assert read(ahead, 0, 2) == [0, 1]
    assert read(ahead, 2, 3) == [2]
    ahead.close()


def test_threads_end_with_the_last_row():
    """Nothing runs once everything was read, nor after closing; reading begins again."""
    ahead = CanvasesAhead(Maker(), 10, 2)
    for _ in range(2):
        read(ahead, 0, 9)
        assert threads()
        read(ahead, 9, 10)
        for each in threads():
            each.join(10)
        assert not threads()
    read(ahead, 0, 1)
    ahead.close()
    for each in threads():
        each.join(10)
    assert not threads()


def test_an_error_reaches_its_reader_and_ends_the_threads():
    """The rows before it are read, its own reading raises, and the same may be tried again."""
    maker = Maker()
    maker.bad = 5
    ahead = CanvasesAhead(maker, 20, 2)
    assert read(ahead, 0, 5) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="row 5 is bad"):
        read(ahead, 5, 6)
    for each in threads():
        each.join(10)
    assert not threads()
    maker.bad = None
    assert read(ahead, 5, 8) == [5, 6, 7]
    ahead.close()


def test_many_readers_at_once():
    """Readers on several threads get what they asked for."""
    ahead = CanvasesAhead(Maker(), 100, 2)
    wrong = []

    def reader(first: int) -> None:
        found = [(start, read(ahead, start, start + 3)) for start in range(first, 96, 4)]
        wrong.extend(each for each in found if each[1] != [each[0] + k for k in range(3)])

    together = [threading.Thread(target=reader, args=(first,)) for first in range(4)]
    for each in together:
        each.start()
    for each in together:
        each.join()
    ahead.close()
    assert not wrong
    assert ahead.process == os.getpid()
