"""``streamcalib recipe``."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from streamcalib.cli import options
from streamcalib.graph import describe_input
from streamcalib.model_check import check_model
from streamcalib.presets import PRESETS, find_preset
from streamcalib.recipe import Recipe
from streamcalib.recipe_changes import changed
from streamcalib.recipe_fields import DType
from streamcalib.recipe_words import in_words
from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.graph import ImageInput
    from streamcalib.model_check import ModelCheck


@click.group("recipe")
def command() -> None:
    """Show how images become rows: the presets, one of them, or what a model needs."""


@command.command("list")
def list_presets() -> None:
    """List the presets with what they serve."""
    width = max(map(len, PRESETS))
    for preset in PRESETS.values():
        click.echo(f"{preset.name:{width}}  {preset.serves}")


@command.command("show")
@click.argument("name")
@click.option(
    "--imgsz", metavar="SIZE", help="Canvas in pixels, a side or HxW.  [default: the preset's]"
)
@click.option(
    "--dtype", type=click.Choice(get_args(DType)), default="float32", help="dtype the model takes."
)
@click.option(
    "--crop-pct",
    type=float,
    metavar="SHARE",
    help="timm's crop_pct: the share of the resized image that is cut out, above 0 to 1.  "
    "[default: the preset's, 0.875]",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Another value of a field, like mean=0.5,0.5,0.5 or interpolation=pil-bilinear. May be "
    "given several times.",
)
@click.option("--json", "only_json", is_flag=True, help="Print the JSON alone.")
def show(
    name: str,
    imgsz: str | None,
    dtype: DType,
    crop_pct: float | None,
    changes: tuple[str, ...],
    only_json: bool,
) -> None:
    """Show what the preset NAME does.

    The recipe goes to standard output as JSON, so that 'streamcalib recipe show yolo11 >
    recipe.json' writes a file for --recipe; what it does, in words, goes to standard error.
    """
    recipe = changed(Recipe.preset(name, imgsz, dtype=dtype), changes, crop_pct=crop_pct)
    if not only_json:
        preset = find_preset(name)
        if changes or crop_pct is not None:
            click.echo(f"changed from {name} ({preset.serves})", err=True)
        else:
            click.echo(f"{name}: {preset.serves}", err=True)
            click.echo(f"  the same bits as: {preset.reference}", err=True)
        for step, what in in_words(recipe).items():
            click.echo(f"  {step}: {what}", err=True)
    click.echo(recipe.to_json())


@command.command("check")
@click.argument("model", type=click.Path())
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    metavar="NAME",
    help="Preprocessing of the model's family.  [default: what the model's metadata say]",
)
@click.option(
    "--imgsz", metavar="SIZE", help="Canvas in pixels, a side or HxW.  [default: the model's]"
)
@options.input_name
def check(model: str, preset: str | None, imgsz: str | None, input_name: str | None) -> None:
    """Say what the ONNX file MODEL takes, which preset serves it, and how to build a set."""
    found = check_model(model, preset=preset, imgsz=imgsz, input_name=input_name)
    _tell_graph(found.graph)
    _tell_preset(found)
    for sentence in found.unsaid:
        click.echo(f"to say    {sentence}")
    for line in found.commands:
        click.echo(f"command   {printable(line)}")


def _tell_graph(graph: ImageInput) -> None:
    click.echo(f"model     {graph.shown}")
    click.echo(f"input     {graph.name!r}, {graph.dtype}, {graph.layout}, {graph.shape_text}")
    click.echo(f"batch     {graph.batch or 'dynamic'}")
    height, width = graph.height or "dynamic", graph.width or "dynamic"
    click.echo(f"size      {height}x{width} (height x width)")
    for other in graph.other_inputs:
        click.echo(f"and takes {other.name!r} ({describe_input(other)})")
    for output in graph.outputs:
        click.echo(f"gives     {output.name!r} ({describe_input(output)})")
    said = graph.ultralytics
    if said is None:
        click.echo("metadata  none of Ultralytics")
        return
    size = "not said" if said.imgsz is None else f"{said.imgsz[0]}x{said.imgsz[1]}"
    click.echo(
        f"metadata  Ultralytics: {printable(said.description) or 'no description'}; task "
        f"{printable(said.task) or 'not said'}, imgsz {size}, stride {printable(said.stride)}, "
        f"names {_shortened(printable(said.names))}"
    )


def _tell_preset(found: ModelCheck) -> None:
    fit = found.fit
    click.echo(f"preset    {fit.preset or 'none'}: {printable(fit.why)}")
    if found.recipe is not None and fit.certainty != "open":
        for step, what in in_words(found.recipe).items():
            click.echo(f"          {step}: {what}")


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
