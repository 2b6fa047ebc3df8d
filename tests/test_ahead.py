"""Work done ahead by threads."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from streamcalib.ahead import done_ahead


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_come_in_order(jobs):
    """Though the first item takes longest."""
    others = threading.Event()

    def do(item: int) -> int:
        if item == 0 and jobs > 1:
            assert others.wait(60)
        elif item == 1:
            others.set()
        return item * item

    assert list(done_ahead(range(20), do, jobs)) == [(item, item * item) for item in range(20)]


def test_no_more_is_begun_than_was_said():
    """Three items with two threads, while nobody asks for more."""
    begun: list[int] = []

    def items():
        for item in range(1000):
            begun.append(item)
            yield item

    with closing(done_ahead(items(), str, 2)) as results:
        assert next(results) == (0, "0")
        assert len(begun) == 3
    assert len(begun) == 3


def test_what_goes_wrong_is_raised_in_its_place():
    """After all that stands before it."""
    seen = []
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        for item, _ in done_ahead([4, 2, 0, 1], lambda item: 1 // item, 2):
            seen.append(item)
    assert seen == [4, 2]
