"""``streamcalib finalize``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streamcalib.cli import options
from streamcalib.cli.telling import tell_next
from streamcalib.finalize import check_finalize, run_finalize
from streamcalib.wording import in_units, printable

if TYPE_CHECKING:
    from streamcalib.extra_inputs import ExtraInput


@click.command("finalize")
@click.argument("calibration_set", metavar="SET")
@click.option(
    "--out", required=True, metavar="FILE", help="The file to write, ending in .npy or .npz."
)
@options.input_name
@options.extra_inputs
@options.jobs
@options.cache_window
@options.overwrite
@options.dry_run
@options.quiet
def command(
    calibration_set: str,
    out: str,
    input_name: str | None,
    extra_inputs: list[ExtraInput],
    jobs: int | None,
    cache_window: int,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Write the final values of a finished SET as .npy or .npz, streamed.

    In an .npz every model input is one member, named as the graph names it.
    """
    order = check_finalize(
        calibration_set,
        out,
        input_name=input_name,
        extra_inputs=extra_inputs,
        overwrite=overwrite,
        jobs=jobs,
        cache_window=cache_window,
    )
    if dry_run:
        click.echo(
            f"{printable(str(order.out))}: {len(order.source)} rows, input {order.input_name!r}, "
            f"further inputs {sorted(order.extra_inputs)}, {in_units(order.needed_bytes)} needed, "
            f"{in_units(order.free_bytes)} free"
        )
        return
    with options.shown_progress(quiet) as progress:
        written = run_finalize(order, progress)
    if order.complete is not None and not quiet:
        click.echo(f"{printable(str(written.path))} is already complete: nothing to write")
    elif not quiet:
        size = in_units(written.path.stat().st_size)
        click.echo(f"{printable(str(written.path))} written: {len(written)} rows, {size}")
    if not quiet:
        tell_next(written)
