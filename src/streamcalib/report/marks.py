"""What a person should look at among the rows."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamcalib.report.facts import RowFacts
    from streamcalib.report.measuring import Measured

DARK, BRIGHT = 20.0, 235.0
"""A mean luma below or above which a picture is taken for dark or bright."""

_FLAT = 3.0
_MOST_PADDING = 0.75
_ENLARGED = 2.0
_MOST_KEPT = 200

MARKS = {
    "damaged": "damaged: not what was written",
    "constant": "of one value only",
    "flat": "nearly of one colour",
    "dark": f"dark: mean brightness below {DARK:.0f} of 255",
    "bright": f"bright: mean brightness above {BRIGHT:.0f} of 255",
    "colourless": "without colour",
    "padded": f"more than {_MOST_PADDING:.0%} padding",
    "enlarged": f"enlarged more than {_ENLARGED:.0f} times",
    "repeated": "the same as another row",
    "alike": "nearly the same as another row",
}
"""Each mark, and what it says of a row."""


class Marked(NamedTuple):
    """A row that bears a mark."""

    row: int
    path: str
    note: str


class MarkedRows:
    """The first rows that bear each mark, and how many there are."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = defaultdict(int)
        self.first: dict[str, list[Marked]] = defaultdict(list)

    def add(self, mark: str, facts: RowFacts, note: str = "") -> None:
        """Count a row."""
        self.counts[mark] += 1
        if len(self.first[mark]) < _MOST_KEPT:
            self.first[mark].append(Marked(facts.row, facts.path, note))


def marks_of(facts: RowFacts, measured: Measured) -> list[str]:
    """Return the marks of a whole row."""
    return list(_found(facts, measured))


def _found(facts: RowFacts, measured: Measured) -> Iterable[str]:
    if measured.contrast == 0 and len(set(measured.means)) == 1:
        yield "constant"
    elif measured.contrast < _FLAT:
        yield "flat"
    if measured.brightness < DARK:
        yield "dark"
    if measured.brightness > BRIGHT:
        yield "bright"
    if measured.is_colourless:
        yield "colourless"
    if facts.padding_share > _MOST_PADDING:
        yield "padded"
    if facts.scale > _ENLARGED:
        yield "enlarged"
