"""What ``quantize`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np

from streamcalib.calibset import CalibrationSet
from streamcalib.live import LiveSet
from streamcalib.quantizing.modelopt import method_of
from streamcalib.wording import counted, in_units, printable

if TYPE_CHECKING:
    from streamcalib.quantize import Quantized
    from streamcalib.quantizing.wanted import Wanted
    from streamcalib.readers.rowsource import RowSource


def tell_wanted(wanted: Wanted) -> None:
    """Say what will be quantized, with which rows, and how."""
    source, reader, keywords = wanted.source, wanted.reader, wanted.keywords
    recipe, steps = reader.source.recipe, reader.steps
    click.echo(f"model     {printable(wanted.model)}, input {reader.input_name!r}")
    click.echo(f"rows      {counted(len(source), 'row')} {_origin(source)}")
    click.echo(
        f"recipe    {printable(recipe.name)} {recipe.height}x{recipe.width} {recipe.channel_order} "
        f"{recipe.layout} {recipe.dtype}"
    )
    click.echo(f"steps     {steps.count:,} of {counted(steps.batch_size, 'row')}{_left(wanted)}")
    row_bytes = int(np.prod(recipe.row_shape)) * np.dtype(recipe.dtype).itemsize
    held = min(2 * steps.batch_size, len(source))
    click.echo(
        f"memory    {in_units(held * row_bytes)} of rows at a time, of "
        f"{in_units(len(source) * row_bytes)} that a loaded set would take"
    )
    click.echo(
        f"ModelOpt  {keywords['quantize_mode']}, {method_of(keywords)}, calibrated on "
        f"{' then '.join(keywords['calibration_eps'])}"
    )
    for warning in wanted.warnings:
        click.echo(f"warning: {warning}", err=True)


def _origin(source: RowSource) -> str:
    """Say where rows come from, and of which list they are."""
    if isinstance(source, CalibrationSet):
        images = source.manifest.images
        chosen, listed = images["chosen"], images["list"]
        said = [f"of {printable(str(source.path))}", *([printable(listed)] if listed else [])]
    elif isinstance(source, LiveSet):
        chosen, listed = source.images.provenance, source.images.file
        said = [f"made of {printable(str(listed))}" if listed else "made of images"]
    else:
        return f"of {source.shown}"
    if "seed" in chosen and "source" in chosen:
        said.append(
            f"chosen from {printable(str(chosen['source']))} ({chosen.get('population')} images) "
            f"with seed {chosen['seed']}"
        )
    return ", ".join(said)


def _left(wanted: Wanted) -> str:
    steps = wanted.reader.steps
    if steps.dropped:
        return f"; the last {counted(steps.dropped, 'row')} left out"
    if steps.repeated:
        return f"; the last one filled up with the first {counted(steps.repeated, 'row')}"
    return ""


def tell_quantized(wanted: Wanted, result: Quantized, seconds: float) -> None:
    """Say what was written."""
    if isinstance(wanted.source, LiveSet) and wanted.source.failures:
        failures = wanted.source.failures
        treated = (
            "replaced by spares"
            if len(wanted.source) == len(wanted.source.images)
            else ("left out")
        )
        click.echo(f"{counted(len(failures), 'bad image')} {treated}:")
        for failure in failures:
            click.echo(f"  {printable(failure.path)}: {printable(failure.reason)}")
    size = sum(file["bytes"] for file in result.record["output"].values())
    click.echo(f"{printable(str(result.path))} written: {in_units(size)}, {seconds:.1f} s")
    click.echo(f"  {printable(result.record_path.name)} says what it was made of")
    if result.list_path is not None:
        click.echo(f"  {printable(result.list_path.name)} is the list {_used(wanted.source)}")


def _used(source: RowSource) -> str:
    """Say of a kept list whether all its images became rows."""
    if not isinstance(source, LiveSet) or not source.failures:
        return "of its images"
    listed = len(source.images)
    # Behind the list are its spares.
    bad = sum(failure.source < listed for failure in source.failures)
    return f"that was sampled, {listed - bad:,} of {listed:,} used"
