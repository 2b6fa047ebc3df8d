"""``streamcalib run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from streamcalib.cli import build_options, options
from streamcalib.cli.telling import (
    Stopwatch,
    tell_list,
    tell_plan,
    tell_report,
    tell_set,
    tell_warnings,
)
from streamcalib.plan import Container
from streamcalib.report.order import check_folder_page
from streamcalib.report.writing import report_beside
from streamcalib.run import prepare_run, run_prepared

if TYPE_CHECKING:
    from streamcalib.choosing.coco import Split
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.recipe_fields import DType


@click.command("run")
@click.argument("source", required=False)
@options.coco
@options.split
@options.count
@options.seed
@click.option("--out", required=True, metavar="DIR", help="Folder for the list and the set.")
@options.extensions
@click.option(
    "--format",
    "container",
    type=click.Choice(get_args(Container)),
    default="npy",
    help="Format of the set.",
)
@options.recipe_options
@options.input_name
@options.extra_inputs
@build_options.build_options
@build_options.resume_options
@options.no_report
@options.dry_run
@options.quiet_but_plan
def command(
    source: str | None,
    coco: str | None,
    split: Split | None,
    count: int,
    seed: int,
    out: str,
    extensions: tuple[str, ...] | None,
    container: Container,
    model: str | None,
    preset: str | None,
    imgsz: str | None,
    dtype: DType | None,
    recipe_file: str | None,
    input_name: str | None,
    extra_inputs: list[ExtraInput],
    no_report: bool,
    dry_run: bool,
    quiet: bool,
    **build: Any,
) -> None:
    """Sample, build and finalize in one go, into a folder, with a page to look at (report.html).

    SOURCE is a folder, a glob in quotes, a list ending in .txt, a .zip or .tar, or a URL, as of
    sample.
    """
    prepared = prepare_run(
        options.chosen_source(source, coco, split),
        count,
        out,
        seed=seed,
        extensions=extensions,
        recipe=options.chosen_recipe(
            preset=preset,
            recipe_file=recipe_file,
            model=model,
            imgsz=imgsz,
            dtype=dtype,
            input_name=input_name,
            is_quiet=quiet,
        ),
        model=model,
        input_name=input_name,
        extra_inputs=extra_inputs,
        container=container,
        options=build_options.taken(build),
    )
    page = None if no_report else check_folder_page(out)
    if dry_run:
        tell_plan(prepared, page)
        return
    if not quiet:
        tell_warnings(prepared)
    watch = Stopwatch()
    with options.shown_progress(quiet) as progress:
        result = run_prepared(prepared, watch.around(progress))
        jobs = build_options.local_jobs(build)
        written = report_beside(result.calibration, page, progress, jobs=jobs)
    if not quiet:
        tell_list(result.saved)
        tell_set(prepared, result.calibration, result.seconds, watch.kept)
        tell_report(written)
