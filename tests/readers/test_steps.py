"""How rows are dealt into steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import text_of
from streamcalib.errors import InputError
from streamcalib.readers.steps import deal

ROWS = st.integers(1, 300)
SIZES = st.integers(1, 400)


def rows_of(steps) -> list[list[int]]:
    return [
        [row for start, stop in steps.ranges(step) for row in range(start, stop)]
        for step in range(steps.count)
    ]


@given(rows=ROWS, size=SIZES)
def test_padding_keeps_every_row_and_fills_every_step(rows, size):
    """All rows in order, then the first ones again until the last step is full."""
    steps = deal(rows, size, "pad")
    dealt = rows_of(steps)
    flat = [row for step in dealt for row in step]
    assert {len(step) for step in dealt} == {size}
    assert flat == [number % rows for number in range(steps.count * size)]
    assert steps.count == -(-rows // size)
    assert (steps.repeated, steps.dropped) == (len(flat) - rows, 0)


@given(rows=ROWS, size=SIZES)
def test_dropping_leaves_out_the_end_alone(rows, size):
    """Whole steps of the first rows; nothing to give is refused."""
    if size > rows:
        with pytest.raises(InputError, match="nothing would be left"):
            deal(rows, size, "drop")
        return
    steps = deal(rows, size, "drop")
    flat = [row for step in rows_of(steps) for row in step]
    assert flat == list(range(rows - rows % size))
    assert (steps.repeated, steps.dropped) == (0, rows % size)


@given(rows=ROWS, size=SIZES)
def test_a_remainder_is_refused_with_what_would_do(rows, size):
    """The message names divisors that work, and both other ways."""
    if rows % size == 0:
        assert deal(rows, size, "error").count == rows // size
        return
    with pytest.raises(InputError) as caught:
        deal(rows, size, "error")
    message = text_of(caught.value)
    inside = message[message.index("(") + 1 : message.index(")")]
    assert all(rows % int(divisor) == 0 for divisor in inside.split(","))
    assert "'drop'" in message
    assert "'pad'" in message


@pytest.mark.parametrize("size", [0, -1])
def test_a_step_has_a_row(size):
    """In all three ways."""
    for remainder in ("error", "drop", "pad"):
        with pytest.raises(InputError, match="at least 1 row"):
            deal(4, size, remainder)


def test_no_other_way():
    """A misspelled one is refused, also where it would not matter."""
    with pytest.raises(InputError, match="'padding'"):
        deal(4, 2, "padding")
