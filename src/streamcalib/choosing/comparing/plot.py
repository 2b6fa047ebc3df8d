"""A comparison as a picture: sets among random draws of their size; needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from streamcalib.choosing.comparing.writable import check_file
from streamcalib.durable import replaced
from streamcalib.errors import InputError, MissingExtraError, OutputError
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.choosing.comparing.result import Comparison

_ENDINGS = (".png", ".svg")
_INCHES = (8.0, 5.5)
_INCHES_A_LINE = 0.18
"""Of a legend."""
_DOTS_PER_INCH = 120
# Told apart by people who do not see all colours (Okabe and Ito), and by their marks.
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKS = ("s", "D", "^", "v", "P", "X")
_DRAWN = ("#999999", "#555555", "#BBBBBB")
_LONGEST_NAME = 60


class _Panel(NamedTuple):
    """Sets among random draws, by two measures of which less is better.

    Attributes
    ----------
    drawn
        Values of every draw, by the draws' size.
    sets
        Values of every set, by its name and size.
    measures
        What the two are, for the axes.
    counts
        Whether the second one counts something.
    """

    drawn: dict[int, tuple[Any, Any]]
    sets: dict[tuple[str, int], tuple[float, float]]
    measures: tuple[str, str]
    counts: bool = False


def check_plot(path: Path) -> None:
    """Make sure that a plot can be drawn, before anything is measured.

    Raises
    ------
    InputError
        If the name ends neither in ``.png`` nor in ``.svg``.
    OutputError
        If it cannot be written; see `check_file`.
    MissingExtraError
        If matplotlib is not installed.
    """
    if path.suffix.lower() not in _ENDINGS:
        shown = printable(str(path))
        raise InputError(f"--plot {shown} must end in {' or '.join(_ENDINGS)}.")
    check_file(path, "--plot")
    _new_figure(1)


def draw_plot(comparison: Comparison, path: Path) -> None:
    """Draw every set and every random draw: by activations, by class shares, or both beside.

    Raises
    ------
    InputError
        As `check_plot` does, or if there is nothing to draw.
    OutputError
        If the file cannot be written.
    """
    check_plot(path)
    panels = _panels(comparison)
    if not panels:
        raise InputError("--plot shows activations or classes: say --model or --labels.")
    lines = max(len(panel.drawn) + len(panel.sets) for panel in panels)
    figure = _new_figure(len(panels), lines)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for place, panel in zip(axes, panels, strict=True):
        _draw(place, panel, comparison.draws_each)
    count = counted(len({*comparison.classes, *(one.name for one in comparison.sets)}), "set")
    figure.suptitle(f"{count} against {counted(comparison.pool_images, 'image')}")
    kind = path.suffix.lower()[1:]
    try:
        with replaced(path) as part:
            figure.savefig(part, format=kind, dpi=_DOTS_PER_INCH)
    except OSError as error:
        shown = printable(str(path))
        raise OutputError(f"--plot {shown} cannot be written: {error.strerror}.") from error


def _panels(comparison: Comparison) -> list[_Panel]:
    panels = []
    if comparison.sets:
        panels.append(
            _Panel(
                {size: (draws.ks, draws.shortfall) for size, draws in comparison.draws.items()},
                {(one.name, one.images): (one.ks_mean, one.shortfall) for one in comparison.sets},
                (
                    "distributions: mean Kolmogorov-Smirnov distance to the pool",
                    "largest magnitudes: mean shortfall",
                ),
            )
        )
    if comparison.classes:
        panels.append(
            _Panel(
                {
                    size: (100 * draws.mean_difference, draws.missing)
                    for size, draws in comparison.class_draws.items()
                },
                {
                    (name, one["images"]): (
                        100 * one["mean_difference"],
                        one["classes"] - one["classes_chosen"],
                    )
                    for name, one in comparison.classes.items()
                },
                (
                    "class shares: mean difference from the pool, % of the images",
                    "classes of the pool that are missing",
                ),
                counts=True,
            )
        )
    return panels


def _draw(axes: Any, panel: _Panel, draws_each: int) -> None:
    for colour, (size, (across, up)) in zip(_cycled(_DRAWN), panel.drawn.items(), strict=False):
        label = f"{draws_each:,} random draws of {size}"
        axes.scatter(across, up, s=9, c=colour, label=label, linewidths=0, clip_on=False)
    styles = zip(_cycled(_COLOURS), _cycled(_MARKS), panel.sets.items(), strict=False)
    for colour, mark, ((name, size), (across, up)) in styles:
        label = f"{_shortened(name)} ({size})"
        axes.scatter(
            [across], [up], s=70, c=colour, marker=mark, label=label, clip_on=False, zorder=3
        )
    across, up = panel.measures
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    if panel.counts:
        top = max(axes.get_ylim()[1], 1)
        # Above the axis, where many of them are none.
        axes.set_ylim(-top / 40, top)
        axes.yaxis.get_major_locator().set_params(integer=True)
    # Above the axes, where no draw lies.
    axes.legend(
        fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.3, frameon=False
    )


def _shortened(name: str) -> str:
    # A dollar sign begins a formula in matplotlib.
    shown = printable(name).replace("$", r"\$")
    return shown if len(shown) <= _LONGEST_NAME else f"…{shown[-_LONGEST_NAME:]}"


def _cycled(values: tuple[str, ...]) -> Any:
    while True:
        yield from values


def _new_figure(panels: int, lines: int = 0) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "--plot needs the package matplotlib: pip install 'streamcalib[plot]'."
        ) from error
    wide, high = _INCHES
    return Figure(figsize=(wide * panels, high + _INCHES_A_LINE * lines), layout="constrained")
