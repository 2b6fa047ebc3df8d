"""Runs of many mutants, and the tally of what became of them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from fuzz.corpus import mutant
from fuzz.judging import AS_STORED, Judge

TOLERANT_EVERY = 8
AS_STORED_EVERY = 5


class Finding(NamedTuple):
    """Something wrong: which mutant, what, and its bytes."""

    seed: int
    number: int
    kind: str
    way: str
    text: str
    data: bytes


@dataclass
class Tally:
    """How many mutants of each kind met which verdict, and all findings."""

    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    judged: int = 0
    slowest: tuple[float, int] = (0.0, 0)

    def add(self, other: Tally) -> None:
        """Add another run's."""
        self.verdicts += other.verdicts
        self.findings += other.findings
        self.judged += other.judged
        self.slowest = max(self.slowest, other.slowest)


@cache
def _judges() -> dict[str, Judge]:
    return {
        "strict": Judge(),
        "as stored": Judge(recipe=AS_STORED),
        "tolerant": Judge(tolerate_damage=True),
    }


def run(seed: int, numbers: range) -> Tally:
    """Judge these mutants of a seed.

    All are judged strictly; every `AS_STORED_EVERY`-th also with another recipe, which ignores
    EXIF, and every `TOLERANT_EVERY`-th also with damage tolerated.
    """
    tally = Tally()
    for number in numbers:
        kind, data = mutant(seed, number)
        started = time.perf_counter()
        for way in _ways(number):
            verdict, texts = _judges()[way].judge(data)
            tally.verdicts[kind if way == "strict" else way, verdict] += 1
            tally.findings += [Finding(seed, number, kind, way, text, data) for text in texts]
        tally.slowest = max(tally.slowest, (time.perf_counter() - started, number))
        tally.judged += 1
    return tally


def _ways(number: int) -> list[str]:
    ways = ["strict"]
    if number % AS_STORED_EVERY == 0:
        ways.append("as stored")
    if number % TOLERANT_EVERY == 0:
        ways.append("tolerant")
    return ways
