"""What ``finalize --for`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streamcalib.exporting.place import held_bytes
from streamcalib.wording import counted, in_units, printable

if TYPE_CHECKING:
    from streamcalib.exporting.target import Export


def tell_export_plan(target: str, order: Export) -> None:
    """Say what an export will write."""
    click.echo(f"output    {printable(str(order.out))}, for {target}")
    click.echo(f"rows      {order.rows:,}")
    click.echo(f"holds     {printable(order.shown)}")
    free = order.free_bytes
    known = "nobody tells how much is" if free is None else in_units(free)
    click.echo(f"disk      {in_units(order.data_bytes)} needed, {known} free")
    if order.load_bytes is not None:
        click.echo(f"memory    {target} holds {in_units(order.load_bytes)} of the rows")
    if order.is_complete:
        click.echo("exists    already complete; nothing would be written")
    tell_export_warnings(order)


def tell_export(target: str, order: Export, was_complete: bool) -> None:
    """Say what was written, and what to put into the tool's configuration."""
    path = printable(str(order.out))
    if was_complete:
        click.echo(f"{path} is already complete: nothing to write")
    else:
        size = in_units(held_bytes(order.out) or order.data_bytes)
        click.echo(f"{path} written for {target}: {counted(order.rows, 'row')}, {size}")
    held = order.load_bytes
    loaded = "" if held is None else f"; {target} holds {in_units(held)} of the rows in memory"
    click.echo(f"  {printable(order.shown)}{loaded}")
    for what, text in order.lines.items():
        click.echo(f"{what}:")
        for line in text.splitlines():
            click.echo(f"  {printable(line)}")


def tell_export_warnings(order: Export) -> None:
    """Say what is allowed and likely wrong, on standard error."""
    for warning in order.warnings:
        click.echo(f"warning: {warning}", err=True)
