"""``streamcalib info``."""

from __future__ import annotations

import click

from streamcalib.calibset import CalibrationSet
from streamcalib.cli import options


@click.command("info")
@click.argument("calibration_set", metavar="SET")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest instead of the card.")
@options.quiet
def command(calibration_set: str, as_json: bool, quiet: bool) -> None:
    """Print what a SET is and what it was made of.

    With --quiet, only check that it opens.
    """
    calibration = CalibrationSet.open(calibration_set)
    if not quiet:
        if as_json:
            text = calibration.manifest.to_json()
        else:
            text = f"{calibration.card()}\nid: {calibration.id}\n"
        click.echo(text, nl=False)
