"""What the commands print."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from streamcalib.building.unfinished import unfinished_rows
from streamcalib.commands import QUANTIZE
from streamcalib.publish import is_there
from streamcalib.wording import counted, in_units, printable

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.calibset import CalibrationSet
    from streamcalib.choosing.saving import SavedList
    from streamcalib.images.listfile import ImageList
    from streamcalib.plan import Plan
    from streamcalib.progress import Progress, Subscriber
    from streamcalib.report.writing import Report

_SHOWN_ENTRIES = 5


class Stopwatch:
    """Seconds since it was made, and the rows made meanwhile.

    Attributes
    ----------
    kept
        How many rows an earlier run had made.
    """

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.kept = 0

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._start

    def around(self, subscriber: Subscriber) -> Subscriber:
        """Return a subscriber that tells another one, and notes how many rows are kept."""

        def notify(progress: Progress) -> None:
            self.kept = max(self.kept, progress.kept)
            subscriber(progress)

        return notify


def tell_choice(images: ImageList, out: str) -> None:
    """Say what list would be written, with its first entries."""
    facts = images.provenance
    click.echo(
        f"{printable(out)} would hold {len(images)} of {facts['population']} images, seed "
        f"{facts['seed']}, {_spares(images)}, beginning with"
    )
    for entry in images[:_SHOWN_ENTRIES]:
        click.echo(f"  {printable(entry)}")
    _tell_choosing(facts)


def _tell_choosing(facts: dict[str, Any]) -> None:
    """Say what a strategy, or leaving near-duplicates out, came to."""
    if dedupe := facts.get("dedupe"):
        click.echo(
            f"  {counted(dedupe['left_out'], 'near-duplicate')} left out before choosing"
            + (f", {counted(dedupe['unread'], 'bad image')} kept" if dedupe["unread"] else "")
        )
    if shares := facts.get("class_shares"):
        click.echo(
            f"  {shares['classes_chosen']} of {counted(shares['classes'], 'class', 'classes')} "
            f"present; shares differ from the pool's by {shares['largest_difference']:.1%} at most"
        )
    if bad := facts.get("pool", {}).get("bad"):
        click.echo(f"  {counted(len(bad), 'bad image')} of the pool left out:", err=True)
        for one in bad:
            click.echo(f"    {printable(one['path'])}: {printable(one['reason'])}", err=True)
    if unknown := facts.get("images_without_labels"):
        click.echo(f"  the labels say nothing of {counted(unknown, 'image')}")


def _spares(images: ImageList) -> str:
    count = len(images.spares)
    return f"{count} spare" if count == 1 else f"{count} spares"


def tell_list(saved: SavedList) -> None:
    """Say what list was written."""
    images = saved.images
    facts = images.provenance
    state = "unchanged" if saved.unchanged else "written"
    click.echo(
        f"{printable(str(images.file))} {state}: {len(images)} of {facts['population']} images, "
        f"seed {facts['seed']}, {_spares(images)}"
    )
    if facts["duplicates_dropped"]:
        click.echo(f"  {facts['duplicates_dropped']} repeated entries of the source left out")
    _tell_choosing(facts)
    if saved.gitignore and saved.gitignore.added:
        click.echo(f"  added to .gitignore: {printable(' '.join(saved.gitignore.added))}")
    for name in saved.gitignore.still_ignored if saved.gitignore else ():
        click.echo(f"  git still ignores {printable(name)}: a folder above it is ignored", err=True)


def tell_plan(prepared: PreparedBuild, page: Path | None = None) -> None:
    """Say what a build will do, and where the page of a run will be."""
    recipe = prepared.recipe
    click.echo(f"output    {printable(str(prepared.out))}")
    click.echo(f"images    {prepared.images.label}, {len(prepared.images)} paths")
    click.echo(
        f"recipe    {printable(recipe.name)} {recipe.height}x{recipe.width} {recipe.channel_order} "
        f"{recipe.layout}, input {prepared.input_name!r}"
    )
    _tell_sizes(prepared.plan)
    if prepared.complete is not None:
        click.echo("exists    already complete; nothing would be built")
    elif prepared.extends is not None:
        click.echo("exists    yes, and stays until the longer one is whole")
    elif is_there(prepared.out):
        click.echo("exists    another set, which would be replaced")
    else:
        click.echo("exists    no")
    if unfinished := unfinished_rows(prepared):
        click.echo(
            f"begun     {unfinished:,} of {counted(prepared.plan.rows, 'row')} would be kept"
        )
    if prepared.extends is not None:
        click.echo(f"extends   a set of {counted(len(prepared.extends), 'row')}, which are kept")
    _tell_page(page)
    tell_warnings(prepared)


def _tell_page(page: Path | None) -> None:
    if page is not None:
        click.echo(f"report    {printable(str(page))}")


def tell_demo_plan(plan: Plan, out: str, page: Path | None = None) -> None:
    """Say what a demo will do."""
    click.echo(f"output    {printable(out)}: photographs, a list, and a set of {plan.rows} of them")
    _tell_sizes(plan)
    _tell_page(page)


def _tell_sizes(plan: Plan) -> None:
    kind = "" if plan.store == "final" else f", canvases that are encoded as {plan.dtype} when read"
    click.echo(f"array     {plan.shape} {plan.stored_row[1]}{kind}")
    free = "nobody tells how much is" if plan.free_bytes is None else in_units(plan.free_bytes)
    most = "at most " if plan.compression != "none" else ""
    click.echo(f"disk      {most}{in_units(plan.needed_bytes)} needed, {free} free")
    click.echo(
        f"workers   {plan.jobs}, about {in_units(plan.projected_memory_bytes)} of memory together"
    )


def tell_warnings(prepared: PreparedBuild) -> None:
    """Say what is allowed and likely wrong, on standard error."""
    for warning in prepared.warnings:
        click.echo(f"warning: {warning}", err=True)


def tell_set(
    prepared: PreparedBuild, calibration: CalibrationSet, seconds: float, kept: int = 0
) -> None:
    """Say what was built, what came of bad images, and what to do next.

    ``kept`` rows of it are of an earlier run.
    """
    path = printable(str(calibration.path))
    manifest = calibration.manifest
    if prepared.complete is not None:
        click.echo(f"{path} is already complete: {len(calibration)} rows, nothing to build")
    else:
        size = in_units(calibration.stored_bytes)
        stored = "" if manifest.store == "final" else ", kept as uint8 canvases"
        made = max(0, len(calibration) - kept)
        click.echo(
            f"{path} built: {calibration.shape} {calibration.dtype.name}{stored}, {size} in "
            f"{seconds:.1f} s ({made / seconds:.0f} img/s)"
        )
    if manifest.failures:
        treated = "left out" if manifest.on_bad == "skip" else "replaced by spares"
        count = len(manifest.failures)
        click.echo(f"{count} bad {'image' if count == 1 else 'images'} {treated}:")
        for failure in manifest.failures:
            click.echo(f"  {printable(failure['path'])}: {printable(failure['reason'])}")
    tell_next(calibration)


def tell_next(calibration: CalibrationSet) -> None:
    """Say how the set is used, and what that will load."""
    if calibration.manifest.store == "final":
        note = f" (it loads all {in_units(calibration.stored_bytes)})"
    else:
        note = f" ({in_units(len(calibration) * calibration.values().row_bytes)})"
    for what, command in calibration.commands.items():
        click.echo(f"{what}{'' if what == QUANTIZE else note}:\n  {printable(command)}")


def tell_report(report: Report | None) -> None:
    """Say where a page is, if there is one, and what a person should know of the set."""
    if report is None:
        return
    path = printable(str(report.path))
    if not report.is_new:
        click.echo(f"{path} is already complete: nothing to write")
        return
    shown = "" if report.shown == report.rows else f", {report.shown:,} of them shown"
    click.echo(f"{path} written: {counted(report.rows, 'row')}{shown}; open it in a browser")
    for concern in report.concerns:
        click.echo(f"  {concern.title}")
