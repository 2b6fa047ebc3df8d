"""A comparison as a picture: sets among random draws of their size; needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcalib.durable import replaced
from streamcalib.errors import InputError, MissingExtraError, OutputError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.choosing.comparing.result import Comparison

_ENDINGS = (".png", ".svg")
_INCHES = (8.0, 5.5)
_DOTS_PER_INCH = 120
# Told apart by people who do not see all colours (Okabe and Ito), and by their marks.
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKS = ("s", "D", "^", "v", "P", "X")
_DRAWN = ("#999999", "#555555", "#BBBBBB")
_LONGEST_NAME = 60


def check_plot(path: Path) -> None:
    """Make sure that a plot can be drawn, before anything is measured.

    Raises
    ------
    InputError
        If the name ends neither in ``.png`` nor in ``.svg``.
    OutputError
        If its folder is not there.
    MissingExtraError
        If matplotlib is not installed.
    """
    shown = printable(str(path))
    if path.suffix.lower() not in _ENDINGS:
        raise InputError(f"--plot {shown} must end in {' or '.join(_ENDINGS)}.")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"the folder of --plot {shown} is not there: make it.")
    _new_figure()


def draw_plot(comparison: Comparison, path: Path) -> None:
    """Draw every set and every random draw by mean KS distance and mean shortfall.

    Raises
    ------
    InputError
        As `check_plot` does, or if the comparison is not by a model.
    OutputError
        If the file cannot be written.
    """
    check_plot(path)
    if not comparison.sets:
        raise InputError("--plot shows activations: say --model.")
    figure = _new_figure()
    axes = figure.subplots()
    for colour, (size, draws) in zip(_cycled(_DRAWN), comparison.draws.items(), strict=False):
        label = f"{comparison.draws_each:,} random draws of {size}"
        axes.scatter(draws.ks, draws.shortfall, s=9, c=colour, label=label, linewidths=0)
    styles = zip(_cycled(_COLOURS), _cycled(_MARKS), comparison.sets, strict=False)
    for colour, mark, one in styles:
        label = f"{_shortened(one.name)} ({one.images})"
        axes.scatter(
            [one.ks_mean],
            [one.shortfall],
            s=70,
            c=colour,
            marker=mark,
            label=label,
            clip_on=False,
            zorder=3,
        )
    axes.set_xlabel("distributions: mean Kolmogorov-Smirnov distance to the pool")
    axes.set_ylabel("largest magnitudes: mean shortfall")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_title(f"{len(comparison.sets)} sets against {comparison.pool_images:,} images")
    axes.legend(fontsize="small", loc="upper right")
    kind = path.suffix.lower()[1:]
    try:
        with replaced(path) as part:
            figure.savefig(part, format=kind, dpi=_DOTS_PER_INCH)
    except OSError as error:
        shown = printable(str(path))
        raise OutputError(f"--plot {shown} cannot be written: {error.strerror}.") from error


def _shortened(name: str) -> str:
    # A dollar sign begins a formula in matplotlib.
    shown = printable(name).replace("$", r"\$")
    return shown if len(shown) <= _LONGEST_NAME else f"…{shown[-_LONGEST_NAME:]}"


def _cycled(values: tuple[str, ...]) -> Any:
    while True:
        yield from values


def _new_figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "--plot needs the package matplotlib: pip install 'streamcalib[plot]'."
        ) from error
    return Figure(figsize=_INCHES, layout="constrained")
