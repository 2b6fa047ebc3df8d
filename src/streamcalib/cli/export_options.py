"""Options of ``finalize`` that are for one consumer or another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from streamcalib.cli.options import all_of
from streamcalib.exporting.targets import TARGETS
from streamcalib.exporting.values import VALUE_RANGES
from streamcalib.recipe import DType, Layout

if TYPE_CHECKING:
    from streamcalib.cli.options import Decorator

_OPTIONS: tuple[Decorator, ...] = (
    click.option(
        "--for",
        "target",
        type=click.Choice(tuple(TARGETS)),
        help="The tool that is to read it, whose layout, range, dtype and names it then has; the "
        "lines to put into that tool's configuration are printed.",
    ),
    click.option(
        "--rows",
        type=int,
        metavar="N",
        help="How many rows, from the first on.  [default: all; for modelopt as many as fill "
        "batches]",
    ),
    click.option(
        "--batch",
        type=int,
        metavar="N",
        help="For modelopt, polygraphy, qai-hub: rows in one calibration step.  [default: what the "
        "set's model fixes, else 1]",
    ),
    click.option(
        "--range",
        "value_range",
        type=click.Choice(VALUE_RANGES),
        help="For hailo, onnx2tf, folder, raw: the recipe's values, or the canvas divided by 255, "
        "or the canvas.  [default: 0-255 for hailo, 0-1 for onnx2tf, else recipe]",
    ),
    click.option(
        "--dtype",
        type=click.Choice(get_args(DType)),
        help="For hailo, onnx2tf, folder, raw.  [default: uint8 of 0-255, else the recipe's]",
    ),
    click.option(
        "--layout",
        type=click.Choice(get_args(Layout), case_sensitive=False),
        help="For folder, raw: order of the axes.  [default: the recipe's]",
    ),
    click.option(
        "--shards",
        type=int,
        metavar="N",
        help="For folder, raw: rows in one file, which then has a batch axis.  [default: one "
        "without]",
    ),
    click.option(
        "--official-list",
        type=click.Path(),
        metavar="FILE",
        help="For mlperf: MLPerf's own list, which all images must be in.",
    ),
)


def export_options(function: Any) -> Any:
    """Add the options of exports."""
    return all_of(_OPTIONS, function)
