"""``streamcalib bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from streamcalib.bench import run_bench
from streamcalib.benching.prepare import (
    IMAGES_PER_WORKER,
    MOST_BY_DEFAULT,
    PreparedBench,
    prepare_bench,
)
from streamcalib.benching.saving import check_outputs, save
from streamcalib.benching.table import table
from streamcalib.building.options import BuildOptions, LocalBackend
from streamcalib.cli import options
from streamcalib.errors import OutputError
from streamcalib.pixels.turbo import DecoderName
from streamcalib.wording import counted, in_units, printable

if TYPE_CHECKING:
    from streamcalib.benching.result import BenchResult
    from streamcalib.recipe_fields import DType

_STDOUT = "-"
_SHOWN_BAD = 5


@click.command("bench")
@click.argument("source", required=False)
@click.option(
    "--count",
    type=int,
    metavar="N",
    help="Number of images to measure with; all, if SOURCE holds fewer.  [default: "
    f"{IMAGES_PER_WORKER} a worker, at most {MOST_BY_DEFAULT}, and what half of the free space "
    "takes]",
)
@options.seed
@options.recipe_options
@click.option(
    "--jobs",
    type=int,
    metavar="N",
    help="The largest number of workers; 1, 2, 4 and so on are measured too.  [default: every core "
    "that this process may use]",
)
@click.option(
    "--out",
    default=".",
    metavar="DIR",
    help="Folder whose disk is measured; nothing is left there.",
)
@click.option(
    "--backend",
    type=click.Choice(get_args(LocalBackend)),
    default="loky",
    help="Workers as processes (loky) or threads.",
)
@click.option(
    "--decoder",
    type=click.Choice(get_args(DecoderName)),
    default="auto",
    help="JPEG decoder. auto: PyTurboJPEG where libturbojpeg is installed, else simplejpeg.",
)
@options.cache_window
@click.option(
    "--repeats",
    type=int,
    default=3,
    metavar="N",
    help="How often everything is measured; the median is shown.",
)
@click.option(
    "--seconds",
    type=float,
    default=1.0,
    metavar="S",
    help="How long each step is measured each time, in seconds; writing at most until every row "
    "is written.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Write every figure as JSON to FILE, or to standard output, and nothing else there, if "
    "FILE is -. A file that is there is replaced.",
)
@click.option(
    "--chart",
    "chart_file",
    metavar="FILE",
    help="Draw a chart as FILE, ending in .png; needs the extra bench. A file that is there "
    "is replaced.",
)
@click.option(
    "--dry-run", is_flag=True, help="Print what would be measured; measure and write nothing."
)
@options.quiet_but_plan
def command(
    source: str | None,
    count: int | None,
    seed: int,
    model: str | None,
    preset: str | None,
    imgsz: str | None,
    dtype: DType | None,
    recipe_file: str | None,
    out: str,
    repeats: int,
    seconds: float,
    json_file: str | None,
    chart_file: str | None,
    dry_run: bool,
    quiet: bool,
    **build: Any,
) -> None:
    """Measure what bounds builds on this machine, and say what to change.

    SOURCE is a folder, a glob in quotes, or a list ending in .txt; without it, photographs are
    made. Each step of a build runs alone, then whole builds do.
    """
    prepared = prepare_bench(
        source,
        count=count,
        seed=seed,
        recipe=options.chosen_recipe(
            preset=preset,
            recipe_file=recipe_file,
            model=model,
            imgsz=imgsz,
            dtype=dtype,
            input_name=None,
            is_quiet=quiet,
        ),
        out=out,
        options=BuildOptions(**build),
        repeats=repeats,
        seconds=seconds,
    )
    files = (None if json_file == _STDOUT else _path(json_file), _path(chart_file))
    check_outputs(*files, by_trial=not dry_run)
    if dry_run:
        _tell_plan(prepared)
        return
    with options.shown_progress(quiet) as progress:
        result = run_bench(prepared, progress)
    # Saved first: standard output may be closed.
    wrong = save(result, *files)
    if json_file == _STDOUT:
        click.echo(result.to_json(), nl=False)
    elif wrong or not quiet:
        _tell(result)
    if wrong:
        raise OutputError(wrong)


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _tell_plan(prepared: PreparedBench) -> None:
    plan, recipe = prepared.plan, prepared.recipe
    click.echo(f"images    {plan.rows}, {_origin(prepared.kind, prepared.population)}")
    click.echo(f"rows      {printable(recipe.name)} {recipe.height}x{recipe.width} {recipe.dtype}")
    click.echo(f"steps     {', '.join(prepared.steps)}, each for {prepared.seconds:g} s")
    click.echo(f"builds    {', '.join(f'--store {store}' for store in prepared.stores)}")
    click.echo(f"workers   {', '.join(map(str, prepared.jobs))}")
    click.echo(f"repeats   {prepared.repeats}, {prepared.measurements} measurements in all")
    click.echo(
        f"disk      {in_units(plan.needed_bytes)} needed for a while in "
        f"{printable(str(prepared.out))}, {in_units(plan.free_bytes or 0)} free"
    )
    click.echo(
        f"memory    at most about {in_units(plan.projected_memory_bytes + prepared.held_bytes)}"
    )


def _tell(result: BenchResult) -> None:
    machine, images, row = result.machine, result.images, result.row
    memory = "" if machine.memory_bytes is None else f", {in_units(machine.memory_bytes)} of memory"
    cores = counted(machine.cores, "core")
    disk = "" if machine.file_system is None else f"; --out on {printable(machine.file_system)}"
    click.echo(f"machine   {printable(machine.cpu)}, {cores}{memory}{disk}")
    click.echo(
        f"images    {images['count']}, {_origin(images['source'], images['population'])}; on "
        f"average {in_units(images['mean_file_bytes'])} and {images['mean_pixels'] / 1e6:.2f} "
        "million pixels"
    )
    click.echo(
        f"rows      {printable(row['recipe'])} {row['height']}x{row['width']} {row['dtype']}, "
        f"{in_units(row['bytes'])} each; decoder {result.parameters['decoder']}"
    )
    _tell_bad(result)
    click.echo()
    for line in table(result):
        click.echo(line)
    click.echo()
    verdict = result.verdict
    for finding in verdict.findings:
        click.echo(finding)
    click.echo("What to change:")
    for advice in verdict.advice:
        click.echo(f"  {advice}")


def _tell_bad(result: BenchResult) -> None:
    if not result.bad:
        return
    count = len(result.bad)
    click.echo(f"{counted(count, 'bad image')} left out:")
    for failure in result.bad[:_SHOWN_BAD]:
        click.echo(f"  {printable(failure.path)}: {printable(failure.reason)}")
    if count > _SHOWN_BAD:
        click.echo(f"  and {count - _SHOWN_BAD} more")


def _origin(kind: str, population: int) -> str:
    if kind == "made":
        return f"from {counted(population, 'photograph')} made for this"
    return f"chosen from {population} of a {kind}"
