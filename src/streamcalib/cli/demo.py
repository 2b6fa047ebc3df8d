"""``streamcalib demo``."""

from __future__ import annotations

from typing import Any

import click

from streamcalib.cli import build_options, options
from streamcalib.cli.telling import Stopwatch, tell_demo_plan, tell_list, tell_set
from streamcalib.demo import demo, plan_demo
from streamcalib.wording import printable


@click.command("demo")
@click.option("--out", default="streamcalib-demo", metavar="DIR", help="Folder for everything.")
@options.count
@options.seed
@build_options.build_options
@build_options.resume_options
@options.dry_run
@options.quiet
def command(out: str, count: int, seed: int, dry_run: bool, quiet: bool, **build: Any) -> None:
    """Make photographs and build a calibration set of them: the main job without a data set.

    100 rows take about 500 MB of disk.
    """
    if dry_run:
        tell_demo_plan(plan_demo(out, count, build_options.taken(build)), out)
        return
    watch, taken = Stopwatch(), build_options.taken(build)
    with options.shown_progress(quiet) as progress:
        notify = watch.around(progress)
        result = demo(out, count=count, seed=seed, options=taken, progress=notify)
    if quiet:
        return
    click.echo(f"{printable(out)}/images: photographs made here, of COCO's sizes and weights")
    tell_list(result.saved)
    tell_set(result.prepared, result.calibration, result.seconds, watch.kept)
    click.echo(
        f"Look at the set:\n  streamcalib info {printable(str(result.calibration.path))}\n"
        "Do the same with your own images:\n"
        "  streamcalib run FOLDER --count 100 --seed 42 --out calibration"
    )
