"""What a strategy is: a rule that picks images of a population, in the order of the list."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

StrategyName = Literal["random", "activations", "ranges", "blend", "stratified"]
"""What ``--strategy`` takes."""

RULE = "random.Random(seed).sample(sorted(paths), count)"
POOL_SIZE = 1000
"""How many candidates go through a model, unless something else is asked for."""
SPARES_RULE = "the same generator's next .sample(sorted(paths not chosen), spares)"


@dataclass(frozen=True)
class Wanted:
    """What is asked of a strategy.

    Attributes
    ----------
    count
        How many images to choose; the population holds as many.
    spares
        How many more to keep for bad ones, if there are as many left.
    seed
        Of everything that is drawn.
    """

    count: int
    spares: int
    seed: int


@dataclass(frozen=True)
class Choice:
    """What a strategy chose.

    Attributes
    ----------
    chosen, spares
        Entries of the population, in order, none of them twice.
    rule, spares_rule
        How they were chosen, in words, for the list's side file.
    facts
        What else the side file shall keep, ready for JSON: what it takes to choose again.
    """

    chosen: Sequence[str]
    spares: Sequence[str]
    rule: str
    spares_rule: str
    facts: dict[str, Any] = field(default_factory=dict)


class Strategy(Protocol):
    """Picks images of a population; the same ones for the same population, wishes and strategy.

    Attributes
    ----------
    name
        What ``--strategy`` calls it.
    """

    @property
    def name(self) -> str:
        """What ``--strategy`` calls it."""
        ...

    def choose(self, population: Sequence[str], wanted: Wanted) -> Choice:
        """Choose among ``population``: paths, members and URLs, sorted in POSIX form.

        Raises
        ------
        StreamcalibError
            If the strategy cannot choose as many; the message says how to mend it.
        """
        ...


@dataclass(frozen=True)
class Random:
    """The seeded random choice: the rule behind every list that streamcalib writes by default."""

    name: ClassVar[StrategyName] = "random"

    def choose(self, population: Sequence[str], wanted: Wanted) -> Choice:
        """Draw by the rule; see `Strategy`."""
        chosen, kept = draw(population, wanted.count, wanted.seed, wanted.spares)
        return Choice(chosen, kept, RULE, SPARES_RULE)


def draw(paths: Sequence[str], count: int, seed: int, spares: int) -> tuple[list[str], list[str]]:
    """Draw ``count`` of the sorted ``paths`` by the rule, and up to ``spares`` of the rest."""
    # Not for secrets: the standard generator, because the rule is about its exact sequence.
    generator = random.Random(seed)  # noqa: S311
    chosen = generator.sample(paths, count)
    taken = set(chosen)
    rest = [path for path in paths if path not in taken]
    return chosen, generator.sample(rest, min(spares, len(rest)))
