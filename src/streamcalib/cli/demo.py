"""``streamcalib demo``."""

from __future__ import annotations

from typing import Any

import click

from streamcalib.cli import build_options, options
from streamcalib.cli.telling import Stopwatch, tell_demo_plan, tell_list, tell_report, tell_set
from streamcalib.demo import demo, plan_demo
from streamcalib.report.order import check_folder_page
from streamcalib.report.writing import report_beside
from streamcalib.wording import printable


@click.command("demo")
@click.option("--out", default="streamcalib-demo", metavar="DIR", help="Folder for everything.")
@options.count
@options.seed
@build_options.build_options
@build_options.resume_options
@options.no_report
@options.dry_run
@options.quiet_but_plan
def command(
    out: str, count: int, seed: int, no_report: bool, dry_run: bool, quiet: bool, **build: Any
) -> None:
    """Make photographs and build a calibration set of them: the main job without a data set.

    100 rows take about 500 MB of disk.
    """
    page = None if no_report else check_folder_page(out)
    if dry_run:
        tell_demo_plan(plan_demo(out, count, build_options.taken(build)), out, page)
        return
    watch, taken = Stopwatch(), build_options.taken(build)
    with options.shown_progress(quiet) as progress:
        notify = watch.around(progress)
        result = demo(out, count=count, seed=seed, options=taken, progress=notify)
        jobs = build_options.local_jobs(build)
        written = report_beside(result.calibration, page, progress, jobs=jobs)
    if quiet:
        return
    click.echo(f"{printable(out)}/images: photographs made here, of COCO's sizes and weights")
    tell_list(result.saved)
    tell_set(result.prepared, result.calibration, result.seconds, watch.kept)
    tell_report(written)
    click.echo(
        f"Look at the set:\n  streamcalib info {printable(str(result.calibration.path))}\n"
        "Do the same with your own images:\n"
        "  streamcalib run FOLDER --count 100 --seed 42 --out calibration"
    )
