"""Turns in alternation, and their statistics."""

from __future__ import annotations

import pytest

from benchmarks.errors import AbsentError, ChildError
from benchmarks.rounds import Contestant, absence, alternate, ratio, spread


def rates(name, values, heard, *, frames=False):
    """Return a contestant that has these rates in turn."""
    coming = iter(values)

    def measure():
        heard.append(name)
        return {"rate": next(coming)}

    return Contestant(name, measure, frames)


def test_spread_of_known_numbers():
    """Median, smallest and largest, of odd and even counts."""
    assert spread([5.0, 1.0, 3.0]) == (3.0, 1.0, 5.0)
    assert spread([4.0, 1.0, 3.0, 2.0]) == (2.5, 1.0, 4.0)
    assert spread([7.0]) == (7.0, 7.0, 7.0)


def test_each_round_begins_with_another_contestant():
    """Whoever frames is first and last in all of them."""
    heard: list[str] = []
    contestants = [
        rates("ceiling", [1.0] * 6, heard, frames=True),
        *(rates(name, [1.0] * 3, heard) for name in ("a", "b", "c")),
    ]
    alternate(contestants, 3, lambda _: None)
    assert heard == [
        *("ceiling", "a", "b", "c", "ceiling"),
        *("ceiling", "b", "c", "a", "ceiling"),
        *("ceiling", "c", "a", "b", "ceiling"),
    ]


def test_the_better_of_two_framing_turns_counts():
    """Both are kept."""
    made = alternate([rates("ceiling", [2.0, 8.0, 9.0, 3.0], [], frames=True)], 2, lambda _: None)
    assert [turns["ceiling"]["rate"] for turns in made] == [8.0, 9.0]
    assert [turns["ceiling"]["rates"] for turns in made] == [[2.0, 8.0], [9.0, 3.0]]


def test_a_ratio_is_taken_round_by_round():
    """Not between medians of different rounds."""
    contestants = [rates("a", [2.0, 30.0, 8.0], []), rates("b", [4.0, 10.0, 2.0], [])]
    made = alternate(contestants, 3, lambda _: None)
    figure = ratio("a / b", made, "a", "b", bar=1, aim=2)
    assert figure.values == (0.5, 3.0, 4.0)
    assert spread(figure.values).median == 3.0
    assert (figure.bar, figure.aim, figure.absent) == (1, 2, "")


@pytest.mark.parametrize(
    ("error", "reason"),
    [(AbsentError("not here"), "not here"), (ChildError("it fell"), "failed: it fell")],
)
def test_who_cannot_is_asked_once_and_stays_absent(error, reason):
    """The others go on, and the figure says why it has no values."""
    asked = []

    def measure():
        asked.append(1)
        raise error

    told: list[str] = []
    contestants = [Contestant("a", measure), rates("b", [4.0, 10.0], [])]
    made = alternate(contestants, 2, told.append)
    assert len(asked) == 1
    assert absence(made, "a") == reason
    assert absence(made, "b") == ""
    for figure in (ratio("a / b", made, "a", "b"), ratio("b / a", made, "b", "a")):
        assert (figure.values, figure.absent) == ((), reason)
    assert f"round 2 of 2: a: {reason}" in told
