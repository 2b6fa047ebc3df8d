"""Turns in alternation, so that a slow minute of the machine slows all, and their statistics."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.errors import AbsentError, ChildError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Turn = dict[str, Any]
"""What a contestant measured; ``absent`` holds the reason if it could not."""
Round = dict[str, Turn]
"""One turn of every contestant, by name."""

FAILED = "failed: "


@dataclass(frozen=True)
class Contestant:
    """Something that is measured in alternation with others.

    Attributes
    ----------
    name
        What it is, in the results.
    measure
        Has one turn. Returns numbers by name, ``rate`` (images a second) among them where there
        is one; raises `AbsentError` or `ChildError` if it cannot.
    frames
        Measured before and after the others of a round; the better rate is the round's.
    """

    name: str
    measure: Callable[[], Turn]
    frames: bool = False


class Spread(NamedTuple):
    """Median, smallest and largest of some values."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table.

    Attributes
    ----------
    name
        What is compared with what.
    values
        One value a round.
    bar, aim
        What must be reached, and what would be good.
    unit
        Empty for a ratio.
    absent
        Why there are no values, or empty.
    """

    name: str
    values: tuple[float, ...] = ()
    bar: float | None = None
    aim: float | None = None
    unit: str = ""
    absent: str = ""


class Outcome(NamedTuple):
    """What a benchmark found: its lines of the table, and every round behind them."""

    figures: list[Figure]
    rounds: list[Round]


def spread(values: Sequence[float]) -> Spread:
    """Return median, smallest and largest of at least one value."""
    return Spread(median(values), min(values), max(values))


def alternate(
    contestants: Sequence[Contestant], rounds: int, tell: Callable[[str], None]
) -> list[Round]:
    """Give every contestant a turn in every round, each round beginning with another one.

    Who is absent once has no further turn. ``tell`` hears of every turn.
    """
    absent: dict[str, str] = {}
    framing = [contestant for contestant in contestants if contestant.frames]
    inner = [contestant for contestant in contestants if not contestant.frames]
    made: list[Round] = []
    for number in range(rounds):
        start = number % len(inner) if inner else 0
        current: Round = {}
        for contestant in (*framing, *inner[start:], *inner[:start], *framing):
            turn = _turn(contestant, absent)
            current[contestant.name] = _better(current.get(contestant.name), turn)
            tell(f"round {number + 1} of {rounds}: {contestant.name}: {_told(turn)}")
        made.append(current)
    return made


def _turn(contestant: Contestant, absent: dict[str, str]) -> Turn:
    if contestant.name not in absent:
        try:
            return contestant.measure()
        except AbsentError as error:
            absent[contestant.name] = str(error)
        except ChildError as error:
            absent[contestant.name] = f"{FAILED}{error}"
    return {"absent": absent[contestant.name]}


def _better(before: Turn | None, turn: Turn) -> Turn:
    """Return the turn with the better rate, with the rates of all."""
    if before is None or "absent" in before:
        return turn
    rates = [*before.get("rates", [before["rate"]]), turn["rate"]]
    return {**(turn if turn["rate"] > before["rate"] else before), "rates": rates}


def _told(turn: Turn) -> str:
    if "absent" in turn:
        return str(turn["absent"])
    return ", ".join(
        f"{name} {value:.4g}" for name, value in turn.items() if isinstance(value, (int, float))
    )


def ratio(
    name: str,
    rounds: Sequence[Round],
    numerator: str,
    denominator: str,
    *,
    bar: float | None = None,
    aim: float | None = None,
    rate: str = "rate",
) -> Figure:
    """Return the figure of one contestant's rate over another's, round by round.

    ``rate`` names the numerator's, where it measured several.
    """
    reason = absence(rounds, numerator) or absence(rounds, denominator)
    values = () if reason else (a[numerator][rate] / a[denominator]["rate"] for a in rounds)
    return Figure(name=name, values=tuple(values), bar=bar, aim=aim, absent=reason)


def absence(rounds: Sequence[Round], name: str) -> str:
    """Return why a contestant is absent, or an empty text."""
    reasons = (turns[name]["absent"] for turns in rounds if "absent" in turns[name])
    return next(reasons, "")
