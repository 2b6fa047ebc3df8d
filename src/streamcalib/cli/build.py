"""``streamcalib build``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streamcalib.build import run_build
from streamcalib.building.prepare import prepare
from streamcalib.cli import build_options, options
from streamcalib.cli.telling import Stopwatch, tell_plan, tell_set, tell_warnings
from streamcalib.images.listfile import ImageList

if TYPE_CHECKING:
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.recipe_fields import DType


@click.command("build")
@click.option(
    "--list",
    "list_file",
    required=True,
    metavar="FILE",
    help="Image list: a path, ARCHIVE.zip::MEMBER, ARCHIVE.tar::MEMBER or URL a line.",
)
@click.option(
    "--out", required=True, metavar="FILE", help="The set to make, ending in .npy, .npz or .zarr."
)
@click.option(
    "--root",
    metavar="DIR",
    help="Folder or URL from which relative paths start.  [default: the current folder, else the "
    "list's]",
)
@options.recipe_options
@options.input_name
@options.extra_inputs
@build_options.build_options
@build_options.resume_options
@click.option(
    "--extend",
    is_flag=True,
    help="Keep the rows of a finished set whose list is the beginning of this one.",
)
@options.dry_run
@options.quiet_but_plan
def command(
    list_file: str,
    out: str,
    root: str | None,
    model: str | None,
    preset: str | None,
    imgsz: str | None,
    dtype: DType | None,
    recipe_file: str | None,
    input_name: str | None,
    extra_inputs: list[ExtraInput],
    dry_run: bool,
    quiet: bool,
    **build: Any,
) -> None:
    """Build a calibration set from an image list.

    Row i is image i of the list. A manifest (.json) and a card (.md) are written beside the set.
    """
    watch = Stopwatch()
    prepared = prepare(
        ImageList.read(list_file, root=root),
        out,
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
        options=build_options.taken(build),
    )
    if dry_run:
        tell_plan(prepared)
        return
    if not quiet:
        tell_warnings(prepared)
    with options.shown_progress(quiet) as progress:
        calibration = run_build(prepared, watch.around(progress))
    if not quiet:
        tell_set(prepared, calibration, watch.seconds, watch.kept)
