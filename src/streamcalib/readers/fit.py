"""Whether rows are what a graph takes: told before the first inference, with what would mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.errors import ModelError, RecipeError
from streamcalib.graph import describe_input, read_image_input
from streamcalib.graph_range import LARGEST_NORMALIZED
from streamcalib.presets import PRESETS
from streamcalib.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from streamcalib.graph import ImageInput
    from streamcalib.graph_range import GraphRange
    from streamcalib.readers.rowsource import RowSource

_VALUES = (
    "channel_order",
    "scale",
    "mean",
    "std",
    "pad_value",
    "anchor",
    "resize",
    "resize_side",
    "rounding",
    "interpolation",
)


def check_fit(
    source: RowSource,
    model: str | PathLike[str],
    *,
    input_name: str | None = None,
    batch_size: int | None = None,
    any_range: bool = False,
) -> ImageInput:
    """Hold rows against the graph that they are to calibrate.

    Parameters
    ----------
    source
        The rows.
    model
        The ONNX file.
    input_name
        The input that they are for; by default the one that they were made for.
    batch_size
        Rows in a step; None if it follows the graph.
    any_range
        Whether values that look wrong for the graph are meant so.

    Returns
    -------
    What the graph's image input is.

    Raises
    ------
    ModelError
        If the graph cannot be served, or the rows do not fit it: all that is wrong in one message,
        each with what would mend it.
    MissingExtraError
        If the package ``onnx`` is not installed.
    """
    name = input_name or source.input_name
    graph = read_image_input(model, name)
    wrong = [
        *_wrong_names(source, graph, name),
        *_wrong_extras(source, graph, batch_size or graph.batch or 1),
        *_wrong_rows(source, graph),
        *_wrong_batch(graph, batch_size),
    ]
    if not any_range:
        wrong += _wrong_values(source, graph.does, graph)
    if wrong:
        listing = f" {wrong[0]}" if len(wrong) == 1 else "".join(f"\n- {each}" for each in wrong)
        raise ModelError(f"{source.shown} does not fit {graph.shown}:{listing}")
    return graph


def _wrong_names(source: RowSource, graph: ImageInput, name: str) -> Iterator[str]:
    if name != graph.name:
        yield (
            f"its image input is called {graph.name!r}, not {name!r}: pass "
            f"input_name={graph.name!r} (--input-name)."
        )
    taken = {other.name for other in graph.other_inputs}
    if missing := sorted(taken - set(source.extra_inputs)):
        yield (
            f"it takes {', '.join(map(repr, missing))}, too, of which the set says nothing: build "
            "or finalize it with --extra-input."
        )
    if unknown := sorted(set(source.extra_inputs) - taken):
        yield (
            f"the set has values for {', '.join(map(repr, unknown))}, which is no input of the "
            "graph: build it for this model (--model)."
        )


def _wrong_extras(source: RowSource, graph: ImageInput, batch_size: int) -> Iterator[str]:
    """Tell which further inputs are given in another dtype or shape than the graph takes."""
    for other in graph.other_inputs:
        extra = source.extra_inputs.get(other.name)
        if extra is None:
            continue
        shape = extra.shape(batch_size)
        fits = other.shape is None or (
            len(shape) == len(other.shape)
            and all(want in (None, have) for want, have in zip(other.shape, shape, strict=True))
        )
        if extra.dtype != other.dtype or not fits:
            yield (
                f"it takes {other.name!r} as {describe_input(other)}, and steps have "
                f"{extra.dtype}, {'x'.join(map(str, shape))}: build or finalize the set with "
                "another --extra-input."
            )


def _wrong_rows(source: RowSource, graph: ImageInput) -> Iterator[str]:
    recipe = source.recipe
    if recipe.dtype != graph.dtype:
        yield (
            f"it takes {graph.dtype}, and the rows are {recipe.dtype}; nothing is cast on the way. "
            f"Build the set for this model (--model, or --dtype {graph.dtype})."
        )
    if recipe.layout != graph.layout:
        yield (
            f"it takes {graph.layout}, and the rows are {recipe.layout}: read them with "
            f"layout='{graph.layout}', or build the set for this model (--model)."
        )
    takes = (graph.height or recipe.height, graph.width or recipe.width)
    if takes != (recipe.height, recipe.width):
        yield (
            f"it takes {takes[0]}x{takes[1]} pixels, and the rows are "
            f"{recipe.height}x{recipe.width}: build the set for this model (--model)."
        )


def _wrong_batch(graph: ImageInput, batch_size: int | None) -> Iterator[str]:
    if graph.batch is not None and batch_size not in (None, graph.batch):
        yield (
            f"its batch size is fixed at {graph.batch}, and steps of {batch_size} were asked for: "
            "leave batch_size out, or export the model with a dynamic batch."
        )


def _wrong_values(source: RowSource, does: GraphRange, graph: ImageInput) -> Iterator[str]:
    recipe = source.recipe
    low, high = recipe.value_range
    if source.observed_range is not None:
        seen_low, seen_high = source.observed_range
        if not low <= seen_low <= seen_high <= high:
            yield (
                f"its values go from {seen_low:g} to {seen_high:g}, and its recipe's from {low:g} "
                f"to {high:g}: this is not what was built; 'streamcalib verify' says more."
            )
    if recipe.dtype == "uint8":
        return
    if does.expects == "bytes" and high <= LARGEST_NORMALIZED:
        yield (
            f"the graph {does.in_words}, and the rows end at {high:g}: they would be normalized "
            "twice. Build the set with scale 1, mean 0 and std 1 (--recipe)."
        )
    elif does.expects == "fractions" and high > LARGEST_NORMALIZED:
        yield (
            "the graph normalizes its input with constants for values from 0 to 1, and the rows go "
            f"up to {high:g}: build the set with scale 255, mean 0 and std 1 (--recipe), or say "
            "that this is meant: any_range=True (--any-range)."
        )
    elif does.normalizes:
        return
    elif does.is_ultralytics and (usual := _ultralytics_recipe(recipe, graph)):
        yield from _unlike_ultralytics(recipe, usual)
    elif high > LARGEST_NORMALIZED and not _is_meant(recipe):
        yield (
            f"the rows go up to {high:g}, and nothing in the graph normalizes them: most models "
            "were trained on values from 0 to 1. Build the set with the model's recipe (--preset), "
            "or say that this is meant: any_range=True (--any-range)."
        )


def _ultralytics_recipe(recipe: Recipe, graph: ImageInput) -> Recipe | None:
    """Return the preprocessing that an Ultralytics export is used with; None if nobody knows."""
    sides = (graph.height or recipe.height, graph.width or recipe.width)
    try:
        return Recipe.from_image_input(graph, imgsz=sides)
    except (RecipeError, ModelError):
        return None


def _unlike_ultralytics(recipe: Recipe, usual: Recipe) -> Iterator[str]:
    differing = [
        f"{field} {getattr(recipe, field)} instead of {getattr(usual, field)}"
        for field in _VALUES
        if getattr(recipe, field) != getattr(usual, field)
    ]
    if differing:
        yield (
            "Ultralytics exported the graph, and its predictor preprocesses otherwise: "
            f"{'; '.join(differing)}. Build the set for this model (--model), or say that this is "
            "meant: any_range=True (--any-range)."
        )


def _is_meant(recipe: Recipe) -> bool:
    """Whether values of bytes are a model family's own, as YOLOX's are, and not a view's."""
    if recipe.name not in PRESETS:
        return False
    try:
        own = Recipe.preset(recipe.name, (recipe.height, recipe.width), dtype=recipe.dtype)
    except RecipeError:
        return False
    return own.value_range == recipe.value_range
