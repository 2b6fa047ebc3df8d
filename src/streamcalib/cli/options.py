"""Options that several commands share."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

import click

from streamcalib.building.agreement import DEFAULT_INPUT_NAME
from streamcalib.choosing.coco import Split, find_coco
from streamcalib.cli.notices import shown_notices
from streamcalib.extra_inputs import ExtraInput
from streamcalib.manifest import StoreKind
from streamcalib.presets import PRESETS
from streamcalib.progress import Subscriber, for_stream, ignore
from streamcalib.recipe_choice import choose_recipe
from streamcalib.recipe_fields import DType
from streamcalib.stores.compression import COMPRESSIONS
from streamcalib.stores.writeback import CACHE_WINDOW_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streamcalib.recipe import Recipe

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _quiet_but(what: str = "") -> Decorator:
    return click.option("--quiet", is_flag=True, help=f"Print nothing but errors{what}.")


quiet = _quiet_but()
quiet_but_plan = _quiet_but(", and what --dry-run is to print")
quiet_but_json = _quiet_but(", and what --json - is to print")


def dry_run_that(says: str) -> Decorator:
    """Return the option --dry-run of a command that does more than print a plan."""
    return click.option("--dry-run", is_flag=True, help=says)


def overwrite_of(what: str) -> Decorator:
    """Return the option --overwrite of a command that replaces something of its own."""
    return click.option("--overwrite", is_flag=True, help=what)


def seed_of(what: str) -> Decorator:
    """Return the option --seed of a command that decides something else than a choice by it."""
    return click.option("--seed", type=int, default=42, metavar="N", help=what)


dry_run = dry_run_that("Print the plan; write nothing.")
no_report = click.option(
    "--no-report", is_flag=True, help="Leave out report.html, the page to look at the set."
)
overwrite = overwrite_of("Replace what another command built.")
count = click.option(
    "--count", type=int, default=100, metavar="N", help="Number of images to choose."
)
seed = seed_of("Seed of the choice.")


def _endings(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    if value is None:
        return None
    endings = tuple(ending.strip() for ending in value.split(",") if ending.strip(" ."))
    if not endings:
        raise click.BadParameter(f"{value!r} names no file ending, like jpg,png.")
    return endings


extensions = click.option(
    "--ext",
    "extensions",
    metavar="LIST",
    callback=_endings,
    help="File endings to take, separated by commas, like jpg,png.  [default: jpg,jpeg of a "
    "folder, archive or URL; everything of a glob or list]",
)
coco = click.option(
    "--coco",
    metavar="ROOT",
    help="Instead of SOURCE: find COCO 2017 under ROOT, as a folder or unextracted, in the usual "
    "layouts and in a linked source-data.",
)
split = click.option(
    "--split",
    type=click.Choice(get_args(Split)),
    help="Which images of COCO.  [default: train2017]",
)


def chosen_source(source: str | None, coco_root: str | None, split_name: Split | None) -> str:
    """Return SOURCE, or where COCO is; exactly one of them must be given."""
    if (source is None) == (coco_root is None):
        raise click.UsageError("say either SOURCE or --coco ROOT.")
    if coco_root is not None:
        return find_coco(coco_root, split_name or "train2017")
    if split_name is not None:
        raise click.UsageError("--split is for --coco.")
    return str(source)


input_name = click.option(
    "--input-name",
    metavar="NAME",
    help="Name of the graph's input; of several image inputs, the one that the images are for.  "
    f"[default: the model's, else {DEFAULT_INPUT_NAME}]",
)


def _extra_inputs(
    _context: click.Context, _option: click.Parameter, values: Sequence[str]
) -> list[ExtraInput]:
    return [ExtraInput.parse(value) for value in values]


def _extra_inputs_of(what: str) -> Decorator:
    return click.option(
        "--extra-input",
        "extra_inputs",
        multiple=True,
        metavar="NAME=VALUES:DTYPE",
        callback=_extra_inputs,
        help=f"A further input of the model{what}: one row's value, repeated for every row, like "
        "orig_size=640,640:int64, or a number that fills a row, like mask=1*1x640x640:float32. May "
        "be given several times.",
    )


extra_inputs = _extra_inputs_of(", for .npz")
extra_inputs_to_run = _extra_inputs_of("")


def _model(says: str) -> Decorator:
    return click.option("--model", type=click.Path(), metavar="FILE", help=says)


_PRESET = (
    click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        metavar="NAME",
        help="Preprocessing of a model family, as 'streamcalib recipe list' shows them.  [default: "
        "what the model's metadata say, else yolo11]",
    ),
    click.option(
        "--imgsz",
        metavar="SIZE",
        help="Canvas in pixels, a side or HxW.  [default: the model's, else the preset's]",
    ),
    click.option(
        "--dtype",
        type=click.Choice(get_args(DType)),
        help="dtype the model takes.  [default: the model's, else float32]",
    ),
    click.option(
        "--recipe",
        "recipe_file",
        type=click.Path(),
        metavar="FILE",
        help="JSON file with every field of the recipe, instead of --preset, --imgsz and --dtype.",
    ),
)

jobs = click.option(
    "--jobs",
    type=int,
    metavar="N",
    help="Number of workers.  [default: every core that this process may use]",
)


def in_bytes(_context: click.Context, _option: click.Parameter, value: float) -> int:
    """Return a size given in 10^6 bytes, in bytes."""
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no size.")
    return max(1, int(value * 1e6))


cache_window = click.option(
    "--cache-window",
    type=click.FloatRange(min=1),
    default=CACHE_WINDOW_BYTES / 1e6,
    metavar="MB",
    callback=in_bytes,
    help="What may be held of the output in the page cache, in 10^6 bytes, over all workers.",
)

store = click.option(
    "--store",
    type=click.Choice(get_args(StoreKind)),
    help="What an .npy or .zarr holds: final values, or the uint8 canvas in a quarter of "
    "float32's space, which is encoded when it is read.  [default: uint8 in a .zarr, else "
    "final]",
)
compression = click.option(
    "--compression",
    type=click.Choice(COMPRESSIONS),
    default="none",
    help="Compression of a .zarr, chunk by chunk; blosc is with LZ4.",
)


def preset_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `recipe_options` but for --model, which the command takes as its argument."""
    return all_of(_PRESET, function)


def recipe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that decide the recipe."""
    fitted = "ONNX model to fit: its input's name, size, dtype and layout are taken over."
    return recipe_options_with(fitted)(function)


def recipe_options_with(model_help: str) -> Decorator:
    """Return what adds `recipe_options`, where --model is for more than the recipe."""
    return lambda function: all_of((_model(model_help), *_PRESET), function)


def chosen_recipe(
    *,
    preset: str | None,
    recipe_file: str | None,
    model: str | None,
    imgsz: str | None,
    dtype: DType | None,
    input_name: str | None,
    is_quiet: bool,
) -> Recipe:
    """Return what `recipe_options` add up to, with notices of what was assumed."""
    with shown_notices(is_quiet):
        return choose_recipe(
            preset=preset,
            file=recipe_file,
            model=model,
            imgsz=imgsz,
            dtype=dtype,
            input_name=input_name,
        )


@contextmanager
def shown_progress(is_quiet: bool) -> Iterator[Subscriber]:
    """Show progress and notices on standard error while the block runs, unless quiet."""
    with shown_notices(is_quiet):
        if is_quiet:
            yield ignore
            return
        subscriber = for_stream()
        try:
            yield subscriber
        finally:
            subscriber.close()


def all_of(options: Sequence[Decorator], function: Callable[..., Any]) -> Callable[..., Any]:
    """Add options to a command, in their order."""
    for option in reversed(options):
        function = option(function)
    return function
