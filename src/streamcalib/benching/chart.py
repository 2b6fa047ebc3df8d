"""A bench's figures as a picture; needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcalib.benching.table import label
from streamcalib.durable import replaced
from streamcalib.errors import InputError, MissingExtraError, OutputError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.benching.result import BenchResult

_INCHES = (9.0, 5.5)
_DOTS_PER_INCH = 120
_PLAIN = {"marker": "o", "markersize": 4, "linewidth": 1.2, "linestyle": "--"}
_BUILD = {"marker": "s", "markersize": 6, "linewidth": 2.4, "linestyle": "-"}
# Told apart by people who do not see all colours (Okabe and Ito).
_COLOURS = {
    "read": "#999999",
    "decode": "#000000",
    "letterbox": "#56B4E9",
    "encode": "#CC79A7",
    "write_uint8": "#E69F00",
    "write_final": "#D55E00",
    "build_uint8": "#009E73",
    "build_final": "#0072B2",
}


def check_chart(path: Path) -> None:
    """Make sure that a chart can be drawn, before anything is measured.

    Raises
    ------
    InputError
        If the name does not end in ``.png``.
    MissingExtraError
        If matplotlib is not installed.
    """
    if path.suffix.lower() != ".png":
        raise InputError(f"--chart {printable(str(path))} must end in .png.")
    _new_figure()


def draw_chart(result: BenchResult, path: Path) -> None:
    """Draw images a second against workers, a line for each step and build, as a PNG.

    Raises
    ------
    InputError
        As `check_chart`.
    OutputError
        If the file cannot be written.
    """
    check_chart(path)
    figure = _new_figure()
    axes = figure.add_subplot()
    for name in result.names:
        rates = [result.measured(name, jobs).rate for jobs in result.jobs]
        style = _BUILD if name.startswith("build") else _PLAIN
        axes.plot(
            result.jobs,
            rates,
            label=label(name, result.row["dtype"]),
            color=_COLOURS[name],
            **style,
        )
    _dress(axes, result)
    try:
        with replaced(path) as part:
            figure.savefig(part, format="png", dpi=_DOTS_PER_INCH)
    except OSError as error:
        raise OutputError(
            f"--chart {printable(str(path))} cannot be written: {error.strerror or error}."
        ) from error


def _dress(axes: Any, result: BenchResult) -> None:
    from matplotlib.ticker import LogLocator

    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(result.jobs, [str(jobs) for jobs in result.jobs])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(_tick)
    axes.minorticks_off()
    if len(result.jobs) == 1:
        axes.set_xlim(result.jobs[0] / 2, result.jobs[0] * 2)
    axes.set_xlabel("workers")
    axes.set_ylabel("images per second")
    row, images = result.row, result.images
    axes.set_title(
        f"{result.machine.cpu}\n{images['count']} images to {row['height']}x{row['width']} "
        f"{row['dtype']}, streamcalib {result.machine.versions['streamcalib']}",
        fontsize=10,
    )
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)


def _tick(rate: float, _position: int) -> str:
    return f"{rate:,.0f}" if rate >= 1 else f"{rate:g}"


def _new_figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "drawing a --chart needs the package matplotlib: pip install 'streamcalib[bench]'."
        ) from error
    return Figure(figsize=_INCHES, layout="constrained")
