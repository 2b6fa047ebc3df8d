"""What a zarr set says of itself to any tool that opens it: its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcalib.datafile import parse_json

if TYPE_CHECKING:
    from streamcalib.manifest import Manifest

ATTRIBUTES_NAME = "streamcalib"
"""The attribute under which everything of streamcalib's stands."""


def zarr_attributes(manifest: Manifest) -> dict[str, Any]:
    """Return the attributes of a set's array.

    One attribute, ``streamcalib``: ``axes``; ``encoding``, which says how stored values become
    those that the model sees; ``recipe``; and ``manifest``, all of it but the records of the rows
    and of the bad images, which stand in the file beside the set.
    """
    values = parse_json(manifest.to_json())
    values["rows"] = {"count": manifest.shape[0]}
    values["failures"] = {"count": len(manifest.failures)}
    recipe = values.pop("recipe")
    described = {
        "axes": list(manifest.layout),
        "encoding": _encoding(manifest),
        "recipe": recipe,
        "manifest": values,
    }
    return {ATTRIBUTES_NAME: described}


def _encoding(manifest: Manifest) -> dict[str, Any]:
    recipe = manifest.recipe
    if manifest.store == "final":
        return {"stored": "the values that the model sees", "dtype": recipe.dtype}
    return {
        "stored": f"the resized image, {recipe.channel_order}, 0 to 255",
        "formula": "(stored / scale - mean[channel]) / std[channel], each step in float32",
        "scale": recipe.scale,
        "mean": list(recipe.mean),
        "std": list(recipe.std),
        "dtype": recipe.dtype,
        "layout": recipe.layout,
    }
