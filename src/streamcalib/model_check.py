"""What an ONNX model takes, which recipe serves it, and what it leaves to be said."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamcalib.building.agreement import example_values
from streamcalib.errors import RecipeError
from streamcalib.graph import describe_input, read_image_input
from streamcalib.imgsz import agreed_size
from streamcalib.preset_fit import CLASSIFIERS, Fit, find_fit
from streamcalib.presets import find_preset
from streamcalib.recipe import Recipe
from streamcalib.run import set_name

if TYPE_CHECKING:
    import os

    from streamcalib.graph import ImageInput

_LIST = "quant100.txt"
_RECIPE_FILE = "recipe.json"


@dataclass(frozen=True, kw_only=True)
class ModelCheck:
    """What is known of a model, and what follows.

    Attributes
    ----------
    graph
        Its inputs, outputs and metadata.
    fit
        The preset that serves it, and why.
    recipe
        How its rows are made, or None while preset or size are not known.
    unsaid
        What the graph does not tell and how to say it, or what to look out for: whole sentences.
    commands
        What builds a set for it, in order, ready for a shell; capitals stand for what is to be
        filled in.
    """

    graph: ImageInput
    fit: Fit
    recipe: Recipe | None
    unsaid: tuple[str, ...]
    commands: tuple[str, ...]


def check_model(
    model: str | os.PathLike[str],
    *,
    preset: str | None = None,
    imgsz: str | None = None,
    input_name: str | None = None,
) -> ModelCheck:
    """Return what an ONNX model takes and how a set for it is built. Nothing is written.

    Parameters
    ----------
    model
        The file.
    preset, imgsz, input_name
        What a build would be told, if anything.

    Raises
    ------
    ModelError
        If no rows fit the graph, as `read_image_input` says.
    RecipeError
        If ``preset`` is none, or ``imgsz`` contradicts the graph.
    MissingExtraError
        If the package ``onnx`` is not installed.
    """
    graph = read_image_input(model, input_name)
    fit = find_fit(graph)
    if preset is not None:
        find_preset(preset)
        fit = Fit(preset, "told", "--preset says so")
    size = _size(graph, imgsz)
    recipe = None
    if fit.preset is not None and size is not None:
        recipe = Recipe.from_image_input(graph, imgsz=size, preset=fit.preset)
    return ModelCheck(
        graph=graph,
        fit=fit,
        recipe=recipe,
        unsaid=tuple(_unsaid(graph, fit, size)),
        commands=_commands(graph, fit, recipe, _options(graph, fit, preset, imgsz, input_name)),
    )


def _size(graph: ImageInput, imgsz: str | None) -> tuple[int, int] | None:
    try:
        return agreed_size(graph, imgsz)
    except RecipeError:
        if imgsz is not None or None not in (graph.height, graph.width):
            raise
        return None


def _unsaid(graph: ImageInput, fit: Fit, size: tuple[int, int] | None) -> list[str]:
    lines = []
    if fit.certainty == "assumed":
        lines.append(
            f"How images are made: preset {fit.preset} is only assumed. If the model was trained "
            "otherwise, its scales will be wrong; say --preset NAME ('streamcalib recipe list')."
        )
    if fit.certainty == "open":
        mend = f"--preset {fit.preset}" if fit.preset else f"--preset NAME ({CLASSIFIERS})"
        lines.append(f"How images are made: say {mend}.")
    if size is None:
        lines.append(
            f"The size: height or width is dynamic ({graph.shape_text}); say --imgsz, like "
            "--imgsz 640."
        )
    if graph.batch not in (None, 1):
        lines.append(f"The batch is fixed: choose a --count that is a multiple of {graph.batch}.")
    lines += [
        f"The further input {other.name!r} ({describe_input(other)}): give one row of "
        "it with --extra-input; the set must then be an .npz."
        for other in graph.other_inputs
    ]
    if _normalizes_inside(graph):
        lines.append(
            f"The graph {graph.does.in_words}, so its rows are to hold 0 to 255: the commands "
            "below write a recipe for that."
        )
    elif graph.does.normalizes and graph.dtype != "uint8":
        lines.append(
            "The graph begins with arithmetic on its input: if that is its normalization, rows "
            "must not be normalized; take a recipe with --set mean=0,0,0 --set std=1,1,1."
        )
    return lines


def _normalizes_inside(graph: ImageInput) -> bool:
    return graph.does.expects == "bytes" and graph.dtype != "uint8"


def _options(
    graph: ImageInput, fit: Fit, preset: str | None, imgsz: str | None, input_name: str | None
) -> list[str]:
    """Return what a build must be told beside list, output and recipe file."""
    options = ["--model", graph.model]
    if not _normalizes_inside(graph):
        if preset is not None or fit.certainty != "told":
            options += ["--preset", fit.preset or "NAME"]
        if None in (graph.height, graph.width) and (imgsz or graph.metadata_imgsz is None):
            options += ["--imgsz", imgsz or "SIZE"]
    if input_name is not None:
        options += ["--input-name", input_name]
    for other in graph.other_inputs:
        options += ["--extra-input", f"{other.name}={example_values(other)}:{other.dtype}"]
    return options


def _commands(
    graph: ImageInput, fit: Fit, recipe: Recipe | None, options: list[str]
) -> tuple[str, ...]:
    container = "npz" if graph.other_inputs else "npy"
    name = f"calib.{container}" if recipe is None else set_name(recipe, container)
    first: tuple[str, ...] = ()
    if _normalizes_inside(graph):
        size = "SIZE" if recipe is None else f"{recipe.height}x{recipe.width}"
        shown = ["streamcalib", "recipe", "show", fit.preset or "NAME", "--imgsz", size]
        shown += ["--dtype", graph.dtype]
        for change in ("scale=1", "mean=0,0,0", "std=1,1,1", f"layout={graph.layout}"):
            shown += ["--set", change]
        first = (f"{shlex.join(shown)} > {_RECIPE_FILE}",)
        options = ["--recipe", _RECIPE_FILE, *options]
    return (
        *first,
        shlex.join(["streamcalib", "build", "--list", _LIST, *options, "--out", name]),
    )
