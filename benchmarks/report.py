"""A run as a table for people and as JSON for keeping."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks.machine import commit, machine
from benchmarks.rounds import Figure, Outcome, spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from benchmarks.settings import Settings

FORMAT = "streamcalib-benchmarks"
VERSION = 1


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a Markdown table."""
    head = ["| figure | median | min..max | bar | aim |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *map(_line, figures)])


def results(
    settings: Settings, corpus: Mapping[str, Any] | None, outcomes: Mapping[str, Outcome]
) -> dict[str, Any]:
    """Return all that a run found, as JSON takes it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(settings.scratch),
        "parameters": settings.parameters(),
        "corpus": corpus,
        "figures": [_summary(f) for outcome in outcomes.values() for f in outcome.figures],
        "rounds": {name: outcome.rounds for name, outcome in outcomes.items()},
    }


def write_results(file: Path, found: Mapping[str, Any]) -> None:
    """Write results as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _summary(figure: Figure) -> dict[str, Any]:
    numbers = spread(figure.values) if figure.values else None
    return {
        "name": figure.name,
        "unit": figure.unit or "ratio",
        "values": list(figure.values),
        "median": numbers and numbers.median,
        "min": numbers and numbers.least,
        "max": numbers and numbers.most,
        "bar": figure.bar,
        "aim": figure.aim,
        "absent": figure.absent or None,
    }


def _line(figure: Figure) -> str:
    bar, aim = _limit(figure, figure.bar), _limit(figure, figure.aim)
    if figure.absent:
        return f"| {figure.name} | absent: {figure.absent} | | {bar} | {aim} |"
    numbers = spread(figure.values)
    middle = f"{_number(numbers.median)} {figure.unit}".strip()
    between = f"{_number(numbers.least)}..{_number(numbers.most)}"
    return f"| {figure.name} | {middle} | {between} | {bar} | {aim} |"


def _limit(figure: Figure, value: float | None) -> str:
    """Return a bar or aim: ratios must reach it, costs with a unit must not exceed it."""
    if value is None:
        return ""
    return f"at most {value:g} {figure.unit}" if figure.unit else f"{value:g}"


def _number(value: float) -> str:
    size = abs(value)
    return f"{value:.2f}" if size < 10 else f"{value:.1f}" if size < 100 else f"{value:.0f}"
