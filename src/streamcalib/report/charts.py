"""Charts as geometry: what the page draws as SVG, and writes as tables beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamcalib.report.histogram import Bar

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 42, 14, 10, 26
_PLOT_WIDTH, _PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
_TICKS = 5
_GAP = 1.0


class Tick(NamedTuple):
    """A place on an axis, in units of the drawing, and what is written there."""

    at: float
    label: str


class Box(NamedTuple):
    """A bar, in units of the drawing, and what is said of it."""

    x: float
    y: float
    width: float
    height: float
    says: str


class Line(NamedTuple):
    """A line through points ``x,y x,y``, of the channel or kind ``name``."""

    name: str
    points: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart.

    Attributes
    ----------
    name
        Its identifier on the page.
    title, text
        What it shows, in a few words and in a sentence with the main figures.
    boxes, lines
        What is drawn.
    x_ticks, y_ticks
        The axes.
    head, table
        The same in numbers.
    """

    name: str
    title: str
    text: str
    boxes: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    head: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


def bar_chart(
    name: str,
    title: str,
    text: str,
    bars: Sequence[Bar],
    shown: Callable[[float], str],
    unit: str,
) -> Chart:
    """Return a chart of counted rows; ``shown`` writes the end of a bin."""
    most = max(bar.rows for bar in bars)
    total = sum(bar.rows for bar in bars)
    top = _round_up(most)
    step = _PLOT_WIDTH / len(bars)
    boxes, rows = [], []
    for number, bar in enumerate(bars):
        height = _PLOT_HEIGHT * bar.rows / top
        span = f"{shown(bar.low)} to {shown(bar.high)}"
        says = f"{span} {unit}: {bar.rows:,} ({bar.rows / total:.1%})"
        place = LEFT + number * step + _GAP / 2
        bottom = TOP + _PLOT_HEIGHT - height
        boxes.append(Box(_short(place), _short(bottom), _short(step - _GAP), _short(height), says))
        rows.append((span, f"{bar.rows:,}", f"{bar.rows / total:.1%}"))
    ends = [bar.low for bar in bars] + [bars[-1].high]
    every = max(1, round(len(bars) / _TICKS))
    return Chart(
        name=name,
        title=title,
        text=text,
        boxes=tuple(boxes),
        x_ticks=tuple(
            Tick(_short(LEFT + number * step), shown(ends[number]))
            for number in range(0, len(ends), every)
        ),
        y_ticks=_y_ticks(top, _quarters(top), lambda value: f"{value:,.0f}"),
        head=(unit, "rows", "share"),
        table=tuple(rows),
    )


def line_chart(
    name: str,
    title: str,
    text: str,
    places: dict[str, Sequence[float]],
    shares: dict[str, Sequence[float]],
    ends: tuple[float, float],
) -> Chart:
    """Return a chart of shares (0 to 1) at places on the x axis, a line for each name.

    ``ends`` are those of the x axis.
    """
    low, high = ends
    span = (high - low) or 1.0
    top = max(max(values) for values in shares.values()) or 1.0
    lines = []
    for line, values in shares.items():
        points = (
            f"{LEFT + _PLOT_WIDTH * (x - low) / span:.1f},{TOP + _PLOT_HEIGHT * (1 - y / top):.1f}"
            for x, y in zip(places[line], values, strict=True)
        )
        lines.append(Line(line, " ".join(points)))
    names = list(shares)
    cells = [
        [f"{places[line][number]:.4g}", f"{shares[line][number]:.2%}"]
        for number in range(len(shares[names[0]]))
        for line in names
    ]
    return Chart(
        name=name,
        title=title,
        text=text,
        lines=tuple(lines),
        x_ticks=tuple(
            Tick(_short(LEFT + _PLOT_WIDTH * (value - low) / span), f"{value:.4g}")
            for value in nice_numbers(low, high)
        ),
        y_ticks=_y_ticks(top, nice_numbers(0, top), lambda value: f"{value:.3g}%", 100),
        head=tuple(cell for line in names for cell in (f"{line}, about", "share")),
        table=tuple(
            tuple(chain.from_iterable(cells[start : start + len(names)]))
            for start in range(0, len(cells), len(names))
        ),
    )


def nice_numbers(low: float, high: float) -> list[float]:
    """Return round numbers from ``low`` to ``high``, about as many as an axis has room for."""
    if high <= low:
        return [low]
    unit = 10.0 ** math.floor(math.log10((high - low) / _TICKS))
    step = next(f * unit for f in (1, 2, 5, 10) if (high - low) / (f * unit) <= _TICKS + 0.5)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _y_ticks(
    top: float, values: Sequence[float], shown: Callable[[float], str], factor: float = 1
) -> tuple[Tick, ...]:
    return tuple(
        Tick(_short(TOP + _PLOT_HEIGHT * (1 - value / top)), shown(value * factor))
        for value in values
    )


def _quarters(top: int) -> list[float]:
    parts = min(4, top)
    return [top * number / parts for number in range(parts + 1)]


def _round_up(most: int) -> int:
    """Return the next number that an axis ends well at."""
    if most <= 4:
        return max(1, most)
    unit: int = 10 ** (len(str(most)) - 1)
    ends = [factor * unit for factor in (1, 2, 4, 6, 8, 10)]
    well = [end for end in ends if end >= most and end % 4 == 0]
    return well[0] if well else most + -most % 4


def _short(value: float) -> float:
    return round(value, 1)
