"""``streamcalib report``."""

from __future__ import annotations

import click

from streamcalib.choosing.labels.source import LabelSource
from streamcalib.choosing.labels.table import LABEL_COLUMN, PATH_COLUMN
from streamcalib.cli import options
from streamcalib.cli.telling import tell_report
from streamcalib.errors import DamagedError
from streamcalib.report.order import ROWS, check_report
from streamcalib.report.thumbnails import page_bytes
from streamcalib.report.writing import run_report
from streamcalib.wording import counted, in_units, printable


@click.command("report")
@click.argument("calibration_set", metavar="SET")
@click.option(
    "--out", default="report.html", metavar="FILE", help="The page to write, ending in .html."
)
@click.option(
    "--rows",
    type=int,
    default=ROWS,
    metavar="N",
    help="Rows to show at most, 1 to 10000; of a larger set so many are chosen evenly, by --seed.",
)
@options.seed_of("Decides which rows are shown of a set of more than --rows.")
@click.option(
    "--labels",
    metavar="KIND[:FILE]",
    help="Show the classes of the rows: coco:FILE, yolo, yolo:DIR, yolo:DATA.yaml, folder or "
    "csv:FILE, as of sample.  [default: what the choice noted, if it was by labels]",
)
@click.option(
    "--label-column",
    metavar="NAME",
    help=f"Of csv:FILE: the column of classes.  [default: {LABEL_COLUMN}]",
)
@click.option(
    "--path-column",
    metavar="NAME",
    help=f"Of csv:FILE: the column of images, as names or paths.  [default: {PATH_COLUMN}]",
)
@options.jobs
@options.overwrite_of("Replace another page, or another file, of the name --out.")
@options.dry_run
@options.quiet_but_plan
def command(
    calibration_set: str,
    out: str,
    rows: int,
    seed: int,
    labels: str | None,
    label_column: str | None,
    path_column: str | None,
    jobs: int | None,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Write a page that shows a SET: its rows as the network sees them, and what is odd about it.

    One HTML file that needs no network. Every row is read once and held to its checksum; exit code
    4 if any is damaged, which the page names.
    """
    if labels is None and (label_column or path_column):
        raise click.UsageError("--label-column and --path-column are for --labels csv:FILE.")
    columns = {"label_column": label_column, "path_column": path_column}
    source = None if labels is None else LabelSource.parse(labels, **columns)
    order = check_report(
        calibration_set,
        out,
        rows=rows,
        seed=seed,
        labels=source,
        jobs=jobs,
        overwrite=overwrite,
    )
    if dry_run:
        click.echo(
            f"{printable(str(order.out))}: {counted(len(order.source), 'row')} to read, "
            f"{order.shown:,} to show, at most {in_units(page_bytes(order.shown))}"
        )
        return
    with options.shown_progress(quiet) as progress:
        written = run_report(order, progress)
    if not quiet:
        tell_report(written)
    if written.damaged:
        verb = "is" if written.damaged == 1 else "are"
        raise DamagedError(
            f"{counted(written.damaged, 'row')} of {printable(calibration_set)} {verb} not what "
            f"was written: see {printable(str(written.path))}. Copy the set again from where it is "
            "whole, or build it again."
        )
