"""Options that say by which rule images are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from streamcalib.choosing.strategies import StrategyName
from streamcalib.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamcalib.choosing.strategies import Strategy

_STRATEGY = (
    click.option(
        "--strategy",
        type=click.Choice(get_args(StrategyName)),
        default="random",
        help="Rule of the choice.",
    ),
)


def _random(_asked: Mapping[str, Any]) -> Strategy | None:
    return None


_MAKERS: dict[str, Callable[[Mapping[str, Any]], Strategy | None]] = {"random": _random}
"""What makes a strategy of the options that a user gave, by its name."""

_FOR: dict[str, tuple[str, ...]] = {}
"""The strategies that an option is for, by its parameter; with others it is refused."""


def strategy_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that decide the strategy."""
    return options.all_of(_STRATEGY, function)


def chosen_strategy(asked: Mapping[str, Any]) -> Strategy | None:
    """Return the strategy that the options add up to, or None for the default rule.

    ``asked`` holds the values of `strategy_options`, None where an option was not given.
    """
    name = asked["strategy"]
    for parameter, names in _FOR.items():
        if asked.get(parameter) is not None and name not in names:
            option = f"--{parameter.replace('_', '-')}"
            raise click.UsageError(f"{option} is for --strategy {' or '.join(names)}.")
    return _MAKERS[name](asked)
