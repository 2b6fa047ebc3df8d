"""The curve of a scaling run, as a PNG beside its JSON."""

from __future__ import annotations

import json
from statistics import median
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from pathlib import Path

_COLOURS = {"loky": "#0072B2", "threading": "#D55E00", "crossed": "#009E73"}
_LINES = {"memory": "-", "disk": ":"}
_TITLES = {"loky": "processes", "threading": "threads", "crossed": "processes x 4 threads"}


def draw(file: Path) -> Path:
    """Draw medians of images a second against workers, one panel a dtype."""
    found = json.loads(file.read_text(encoding="utf-8"))
    lines = _medians(found["rounds"]["scaling"])
    figure = Figure(figsize=(11, 5), layout="constrained")
    for panel, dtype in zip(figure.subplots(1, 2, sharey=True), ("uint8", "float32"), strict=True):
        _panel(panel, lines, dtype)
    machine = found["machine"]
    figure.suptitle(f"{machine['cpu']}, {machine['cores']} cores: images per second", fontsize=11)
    path = file.with_suffix(".png")
    figure.savefig(path, dpi=110)
    return path


def _medians(rounds: list[dict[str, Any]]) -> dict[str, dict[int, float]]:
    lines: dict[str, dict[int, float]] = {}
    for called in rounds[0]:
        what, _, jobs = called.rpartition(", ")
        rates = [turns[called]["rate"] for turns in rounds if "rate" in turns[called]]
        if rates:
            lines.setdefault(what, {})[int(jobs)] = median(rates)
    return lines


def _panel(panel: Any, lines: dict[str, dict[int, float]], dtype: str) -> None:
    for called, points in lines.items():
        if called == "bare decoding":
            panel.plot(*zip(*points.items(), strict=True), "k--", label="bare decoding")
            first = min(points)
            linear = {jobs: points[first] / first * jobs for jobs in points}
            panel.plot(*zip(*linear.items(), strict=True), color="0.8", label="linear")
            continue
        what, of, place = called.split(", ")
        if of == dtype:
            label = f"{_TITLES[what]}, to {place}"
            style = {"color": _COLOURS[what], "linestyle": _LINES[place], "marker": "o"}
            panel.plot(*zip(*points.items(), strict=True), label=label, markersize=4, **style)
    ticks = sorted({jobs for points in lines.values() for jobs in points})
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.set_xticks(ticks, [str(jobs) for jobs in ticks])
    panel.yaxis.set_major_formatter("{x:,.0f}")
    panel.set_xlabel("workers")
    panel.set_title(f"{dtype} rows", fontsize=10)
    panel.grid(visible=True, which="both", alpha=0.25)
    panel.legend(fontsize=8, frameon=False)
