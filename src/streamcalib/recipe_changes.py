"""Changes to a recipe, as a user writes them: ``FIELD=VALUE``."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from streamcalib.datafile import parse_json
from streamcalib.errors import RecipeError
from streamcalib.presets import timm_side
from streamcalib.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence


def changed(
    recipe: Recipe, changes: Sequence[str] = (), *, crop_pct: float | None = None
) -> Recipe:
    """Return a recipe with some fields changed.

    Parameters
    ----------
    recipe
        What is changed.
    changes
        Like ``pad_value=0``, ``mean=0.5,0.5,0.5`` or ``resize=stretch``; ``none`` is no value. The
        recipe is then called the preset's name with ``-custom``, unless its name is changed too.
    crop_pct
        The share of the resized image that timm cuts out, above 0 and at most 1.

    Raises
    ------
    RecipeError
        If a field is unknown or out of range, or there is nothing to cut out.
    """
    values: dict[str, Any] = {}
    if crop_pct is not None:
        if recipe.resize_side is None:
            raise RecipeError(
                f"--crop-pct is for presets that crop, and {recipe.name} does not: leave it out."
            )
        values["resize_side"] = timm_side(max(recipe.height, recipe.width), crop_pct)
    if changes:
        values["name"] = f"{recipe.name}-custom"
    known = [field.name for field in fields(Recipe)]
    for change in changes:
        field, equals, text = change.partition("=")
        if not equals or field not in known:
            raise RecipeError(
                f"--set {change!r} is not FIELD=VALUE; the fields are {', '.join(known)}."
            )
        values[field] = _value(text)
    return replace(recipe, **values)


def _value(text: str) -> Any:
    if text.lower() == "none":
        return None
    for form in (text, f"[{text}]"):
        try:
            return parse_json(form)
        except ValueError:
            continue
    return text
