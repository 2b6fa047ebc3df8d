"""``streamcalib finalize``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streamcalib.cli import options
from streamcalib.cli.telling import tell_next
from streamcalib.finalize import run_finalize
from streamcalib.finalizing.order import check_finalize
from streamcalib.wording import in_units, printable

if TYPE_CHECKING:
    from streamcalib.extra_inputs import ExtraInput


@click.command("finalize")
@click.argument("calibration_set", metavar="SET")
@click.option(
    "--out", required=True, metavar="FILE", help="The file to write: .npy, .npz or .zarr."
)
@options.input_name
@options.extra_inputs
@options.store
@options.compression
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
    dry_run: bool,
    quiet: bool,
    **how: Any,
) -> None:
    """Write the rows of a finished SET to another file, streamed.

    Final values for a quantizer as .npy or .npz, where every model input is one member, named as
    the graph names it; or canvases for keeping as .zarr.
    """
    order = check_finalize(
        calibration_set, out, input_name=input_name, extra_inputs=extra_inputs, **how
    )
    if dry_run:
        known = order.plan.free_bytes
        free = "free space unknown" if known is None else f"{in_units(known)} free"
        click.echo(
            f"{printable(str(order.out))}: {len(order.source)} rows, input {order.input_name!r}, "
            f"further inputs {sorted(order.extra_inputs)}, "
            f"{in_units(order.plan.file_bytes)} needed, {free}"
        )
        return
    with options.shown_progress(quiet) as progress:
        written = run_finalize(order, progress)
    if order.complete is not None and not quiet:
        click.echo(f"{printable(str(written.path))} is already complete: nothing to write")
    elif not quiet:
        size = in_units(written.stored_bytes)
        click.echo(f"{printable(str(written.path))} written: {len(written)} rows, {size}")
    if not quiet:
        tell_next(written)
