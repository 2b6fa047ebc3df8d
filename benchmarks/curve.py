"""The curve of scaling runs, as a PNG beside the first one's JSON."""

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


def draw(*files: Path) -> Path:
    """Draw medians of images a second against workers, one panel a dtype.

    Several runs, of one machine, are drawn together.
    """
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    lines = _medians([turns for found in runs for turns in found["rounds"]["scaling"]])
    figure = Figure(figsize=(11, 5), layout="constrained")
    for panel, dtype in zip(figure.subplots(1, 2, sharey=True), ("uint8", "float32"), strict=True):
        _panel(panel, lines, dtype)
    machine = runs[0]["machine"]
    figure.suptitle(f"{machine['cpu']}, {machine['cores']} cores: images per second", fontsize=11)
    path = files[0].with_suffix(".png")
    figure.savefig(path, dpi=110)
    return path


def _medians(rounds: list[dict[str, Any]]) -> dict[str, dict[int, float]]:
    rates: dict[str, dict[int, list[float]]] = {}
    for turns in rounds:
        for called, turn in turns.items():
            what, _, jobs = called.rpartition(", ")
            if "rate" in turn:
                rates.setdefault(what, {}).setdefault(int(jobs), []).append(turn["rate"])
    return {
        what: {jobs: median(found) for jobs, found in sorted(points.items())}
        for what, points in rates.items()
    }


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
