"""``streamcalib finalize``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streamcalib.cli import options
from streamcalib.cli.export_options import export_options
from streamcalib.cli.telling import tell_next
from streamcalib.cli.telling_export import tell_export, tell_export_plan, tell_export_warnings
from streamcalib.export import check_export, run_export
from streamcalib.exporting.options import flag_of
from streamcalib.finalize import run_finalize
from streamcalib.finalizing.order import check_finalize
from streamcalib.wording import in_units, printable

if TYPE_CHECKING:
    from streamcalib.finalizing.order import FinalizeOrder

_EXPORTS_ONLY = ("batch", "value_range", "dtype", "layout", "shards", "official_list")


@click.command("finalize")
@click.argument("calibration_set", metavar="SET")
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="The file to write: .npy, .npz or .zarr; with --for what that tool takes.",
)
@export_options
@options.input_name
@options.extra_inputs
@options.store
@options.compression
@options.jobs
@options.cache_window
@options.overwrite
@options.dry_run
@options.quiet_but_plan
def command(
    calibration_set: str,
    out: str,
    target: str | None,
    dry_run: bool,
    quiet: bool,
    **how: Any,
) -> None:
    """Write the rows of a finished SET to another file, streamed.

    Final values for a quantizer as .npy or .npz, where every model input is one member, named as
    the graph names it; or canvases for keeping as .zarr. With --for, what another tool takes from
    a file or folder.
    """
    if target is None:
        _refuse(how, _EXPORTS_ONLY, "needs --for")
        kept = {name: value for name, value in how.items() if name not in _EXPORTS_ONLY}
        _finalize(check_finalize(calibration_set, out, **kept), dry_run, quiet)
        return
    compression, store = how.pop("compression"), how.pop("store")
    asked = {"compression": None if compression == "none" else compression, "store": store}
    _refuse(asked, asked, f"is not for --for {target}")
    order = check_export(calibration_set, out, target, **how)
    if dry_run:
        tell_export_plan(target, order)
        return
    was_complete = order.is_complete
    if not quiet:
        tell_export_warnings(order)
    with options.shown_progress(quiet) as progress:
        run_export(order, progress)
    if not quiet:
        tell_export(target, order, was_complete)


def _refuse(how: dict[str, Any], names: Any, why: str) -> None:
    given = next((name for name in names if how[name] is not None), None)
    if given is not None:
        raise click.UsageError(f"{flag_of(given)} {why}.")


def _finalize(order: FinalizeOrder, dry_run: bool, quiet: bool) -> None:
    if dry_run:
        known = order.plan.free_bytes
        free = "free space unknown" if known is None else f"{in_units(known)} free"
        click.echo(
            f"{printable(str(order.out))}: {order.plan.rows} rows, input {order.input_name!r}, "
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
