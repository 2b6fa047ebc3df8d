"""``streamcalib quantize``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import click

from streamcalib.choosing.sample import sample
from streamcalib.cli import build_options, options
from streamcalib.cli.telling import Stopwatch
from streamcalib.cli.telling_quantization import tell_quantized, tell_wanted
from streamcalib.images.listfile import ImageList
from streamcalib.live import live
from streamcalib.quantize import (
    check_model,
    prepare_quantization,
    run_quantization,
    side_names,
)
from streamcalib.quantizing.modelopt import keywords_of
from streamcalib.quantizing.workplace import check_output
from streamcalib.readers.steps import Remainder
from streamcalib.recipe_choice import choose_recipe
from streamcalib.run import places_of

if TYPE_CHECKING:
    from streamcalib.live import LiveSet
    from streamcalib.progress import Subscriber

_BEHIND = (
    "Options of ModelOpt go behind --, like: streamcalib quantize MODEL --calibration SET --out "
    "OUT -- --calibration_method max"
)
# Of images; a set has been built with them.
_MAKING = ("on_bad", "max_pixels", "max_file_bytes", "confine", "tolerate_damage", "decoder")
_OF_IMAGES = ("count", "seed", "extensions", "root", "preset", "imgsz", "dtype", "recipe_file")


class _Command(click.Command):
    """Says where ModelOpt's options go when one of them is met too early."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Parse."""
        try:
            return super().parse_args(context, arguments)
        except click.NoSuchOption as error:
            raise click.UsageError(f"{error.format_message()} {_BEHIND}", context) from error


class _Rows(NamedTuple):
    """Where rows come from, as the command line says it."""

    calibration: str | None
    source: str | None
    list_file: str | None
    given: dict[str, Any]


@click.command("quantize", cls=_Command)
@click.argument("model")
@click.option(
    "--calibration",
    metavar="SET",
    help="Rows: a calibration set, ending in .npy, .npz or .zarr.",
)
@click.option(
    "--images",
    "source",
    metavar="SOURCE",
    help="Rows: images chosen from SOURCE, as of sample; no set is written.",
)
@click.option(
    "--list", "list_file", metavar="FILE", help="Rows: the images of a list; no set is written."
)
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="The quantized model, ending in .onnx. Beside it its record (.json) and, with --images, "
    "the list.",
)
@click.option(
    "--count",
    type=int,
    default=500,
    metavar="N",
    help="Number of images to choose; ModelOpt's guide names at least 500.",
)
@options.seed
@options.extensions
@click.option(
    "--root",
    metavar="DIR",
    help="Folder or URL from which a list's relative paths start.  [default: the current folder, "
    "else the list's]",
)
@options.preset_options
@options.input_name
@options.extra_inputs_to_run
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Rows in a step.  [default: what --calibration_shapes or the graph says, else 1]",
)
@click.option(
    "--remainder",
    type=click.Choice(get_args(Remainder)),
    default="error",
    help="What becomes of rows that fill no whole step: refuse, leave out, or fill up with the "
    "first rows.",
)
@click.option(
    "--any-range",
    is_flag=True,
    help="Take values that look wrong for the graph, like 0 to 255 where it does not normalize.",
)
@click.option(
    "--jobs",
    type=int,
    metavar="N",
    help="Number of threads that decode images.  [default: every core that this process may use]",
)
@build_options.image_options
@options.overwrite
@options.dry_run
@options.quiet_but_plan
@click.argument("modelopt", nargs=-1, type=click.UNPROCESSED, metavar="[-- MODELOPT'S OPTIONS]")
def command(
    model: str,
    calibration: str | None,
    source: str | None,
    list_file: str | None,
    out: str,
    batch_size: int | None,
    remainder: Remainder,
    any_range: bool,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
    modelopt: tuple[str, ...],
    **given: Any,
) -> None:
    """Quantize an ONNX model with NVIDIA ModelOpt (extra modelopt), without loading the rows.

    \b
    With a set:      streamcalib quantize yolo11n.onnx --calibration calib.npy --out q.onnx
    Without one:     streamcalib quantize yolo11n.onnx --images train2017 --count 500 --out q.onnx

    Rows of images are made while the model runs, the same to the last bit as those of a set. What
    stands behind -- is ModelOpt's own: any option of python -m modelopt.onnx.quantization.
    """  # noqa: D301
    rows = _Rows(calibration, source, list_file, given)
    _check_usage(click.get_current_context(), rows)
    if calibration is None:
        check_model(model, given["input_name"])
    # What is told at once need not wait for a folder of images to be listed.
    check_output(model, out, side_names(out, None), overwrite=overwrite)
    keywords = keywords_of(modelopt, log_level="ERROR" if quiet else "WARNING")
    watch = Stopwatch()
    with options.shown_progress(quiet) as progress:
        images = _images(rows)
        kept = images if source is not None else None
        check_output(model, out, side_names(out, kept), overwrite=overwrite)
        wanted = prepare_quantization(
            model,
            str(calibration) if images is None else _live(images, model, given, progress),
            out,
            keywords=keywords,
            input_name=given["input_name"],
            batch_size=batch_size,
            remainder=remainder,
            any_range=any_range,
            overwrite=overwrite,
        )
        if dry_run or not quiet:
            tell_wanted(wanted)
        if dry_run:
            return
        result = run_quantization(wanted, progress)
    if not quiet:
        tell_quantized(wanted, result, watch.seconds)


def _check_usage(context: click.Context, rows: _Rows) -> None:
    """Make sure that one source of rows is said, and nothing that is of another one."""
    said = [rows.calibration, rows.source, rows.list_file]
    if sum(each is not None for each in said) != 1:
        raise click.UsageError("say one of --calibration SET, --images SOURCE and --list FILE.")
    of_others = {
        "calibration": (*_OF_IMAGES, "extra_inputs", *_MAKING, "jobs"),
        "images": ("root",),
        "list": ("count", "seed", "extensions"),
    }
    kind = next(name for name, each in zip(of_others, said, strict=True) if each is not None)
    for parameter in context.command.params:
        name = parameter.name or ""
        is_given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if name in of_others[kind] and is_given:
            raise click.UsageError(f"{parameter.opts[0]} is not for --{kind}.")


def _images(rows: _Rows) -> ImageList | None:
    """Return the images that rows are made of, or None if a set has them."""
    given = rows.given
    if rows.list_file is not None:
        return ImageList.read(rows.list_file, root=given["root"])
    if rows.source is None:
        return None
    chosen = sample(rows.source, given["count"], seed=given["seed"], extensions=given["extensions"])
    return replace(chosen, within=places_of(rows.source))


def _live(images: ImageList, model: str, given: dict[str, Any], progress: Subscriber) -> LiveSet:
    recipe = choose_recipe(
        preset=given["preset"],
        file=given["recipe_file"],
        model=model,
        imgsz=given["imgsz"],
        dtype=given["dtype"],
        input_name=given["input_name"],
    )
    return live(
        images,
        recipe=recipe,
        model=model,
        input_name=given["input_name"],
        extra_inputs=given["extra_inputs"],
        progress=progress,
        **{name: given[name] for name in (*_MAKING, "jobs")},
    )
