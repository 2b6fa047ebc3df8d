"""What a build's options, its images, and the model that it is for agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.errors import InputError, ModelError
from streamcalib.extra_inputs import ExtraInput, checked_input_name, is_input_name
from streamcalib.graph import ImageInput, OtherInput, describe_input
from streamcalib.images.places import is_own_memory
from streamcalib.imgsz import agreed_size
from streamcalib.recipe import Recipe
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamcalib.images.listfile import ImageList
    from streamcalib.plan import Container
    from streamcalib.remotepath import SetPath

DEFAULT_INPUT_NAME = "images"


def check_shared(images: ImageList, out: SetPath, backend: str) -> None:
    """Make sure that workers see images and output; raises `InputError` if not."""
    if backend == "threading":
        return
    if is_own_memory(str(out)):
        raise InputError(
            "an output at memory:// is this process's own, and workers that are processes do not "
            "see it: say --backend threading, or --jobs 1."
        )
    if any(map(is_own_memory, (*images.bases, *images.paths))):
        raise InputError(
            "images at memory:// are this process's own, and workers that are processes do not see "
            "them: say --backend threading, or --jobs 1."
        )


def agreed_recipe(recipe: Recipe | None, graph: ImageInput | None) -> Recipe:
    """Return the recipe that fits a model, if there is one; raises `ModelError` if none does."""
    if graph is None:
        return recipe or Recipe.yolo11()
    if recipe is None:
        return Recipe.from_image_input(graph)
    agreed_size(graph, (recipe.height, recipe.width), recipe.dtype)
    if recipe.layout != graph.layout:
        raise ModelError(
            f"the recipe's layout is {recipe.layout}, but input {graph.name!r} of {graph.shown} "
            f"has shape {graph.shape_text}, which is {graph.layout}."
        )
    return recipe


def agreed_name(input_name: str | None, graph: ImageInput | None) -> str:
    """Return the name of the images' input; raises `InputError` if there is none of that name."""
    if input_name is not None:
        checked_input_name(input_name)
    if graph is None:
        return input_name or DEFAULT_INPUT_NAME
    if input_name not in (None, graph.name):
        raise ModelError(
            f"--input-name says {input_name!r}, but the image input of {graph.shown} is "
            f"{graph.name!r}: leave --input-name out."
        )
    if not is_input_name(graph.name):
        raise ModelError(f"the image input of {graph.shown} has no usable name: {graph.name!r}.")
    return graph.name


def checked_extras(
    extra_inputs: Sequence[ExtraInput], graph: ImageInput | None, container: Container, name: str
) -> dict[str, ExtraInput]:
    """Return a model's further inputs by name; raises `InputError` if they do not fit it."""
    extras = {extra.name: extra for extra in extra_inputs}
    if len(extras) < len(extra_inputs) or name in extras:
        raise InputError("--extra-input names the same input twice.")
    if extras and container != "npz":
        raise InputError("--extra-input needs an .npz output: an .npy holds one array only.")
    for other in graph.other_inputs if graph else ():
        _check_fit(extras.get(other.name), other, graph.shown if graph else "")
    if graph and (unknown := sorted(set(extras) - {other.name for other in graph.other_inputs})):
        raise ModelError(f"--extra-input gives {unknown[0]!r}, which is no input of {graph.shown}.")
    return extras


def example_values(other: OtherInput) -> str:
    """Return how an input's values are written: a large one's as a number that fills it."""
    row = (other.shape or ())[1:]
    return f"VALUE*{'x'.join(str(side or '?') for side in row)}" if len(row) > 1 else "VALUES"


def _check_fit(extra: ExtraInput | None, other: OtherInput, model: str) -> None:
    takes = f"{model} takes the further input {other.name!r} ({describe_input(other)})"
    if extra is None:
        raise ModelError(
            f"{takes}, which is not for the images: give one row of it as --extra-input "
            f"{printable(other.name)}={example_values(other)}:{other.dtype}, into an .npz output."
        )
    shape = extra.shape(1)
    fits = other.shape is None or (
        len(shape) == len(other.shape)
        and all(want in (None, have) for want, have in zip(other.shape[1:], shape[1:], strict=True))
    )
    if extra.dtype != other.dtype or not fits:
        raise ModelError(
            f"{takes}, but --extra-input gives {extra.dtype} of shape "
            f"{'x'.join(map(str, ('N', *shape[1:])))}; the first axis is that of the rows."
        )
