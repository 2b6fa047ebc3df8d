"""What a recipe does, put to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamcalib.recipe import Recipe

_FILTERS = {
    "linear": "OpenCV's INTER_LINEAR",
    "pil-bilinear": "Pillow's bilinear filter",
    "pil-bicubic": "Pillow's bicubic filter",
}


def in_words(recipe: Recipe) -> dict[str, str]:
    """Return what a recipe does, step by step: the name of the step, and a sentence."""
    return {
        "reference decoder": "Pillow, converted to RGB" if recipe.decoder == "pil" else "OpenCV",
        "EXIF orientation": "applied, as OpenCV does"
        if recipe.orientation == "opencv"
        else "ignored",
        "canvas": f"{recipe.height}x{recipe.width} (height x width), {_resizing(recipe)}",
        "values": f"{recipe.channel_order}, (v / {recipe.scale:g} - {list(recipe.mean)}) / "
        f"{list(recipe.std)} as {recipe.dtype}",
        "row": f"{'x'.join(map(str, recipe.row_shape))} ({recipe.layout}), "
        f"values {recipe.value_range[0]:.6g} to {recipe.value_range[1]:.6g}",
    }


def _resizing(recipe: Recipe) -> str:
    by = _FILTERS[recipe.interpolation]
    if recipe.resize == "stretch":
        return f"stretched by {by}, aspect ratio not kept"
    if recipe.resize == "crop":
        return (
            f"the shorter side resized to {recipe.resize_side} by {by}, the middle cut out, "
            f"padding {recipe.pad_value} where it is too small"
        )
    sides = "" if recipe.rounding == "round" else ", sides rounded down"
    return f"letterbox by {by}{sides}, {recipe.anchor}, padding {recipe.pad_value}"
