"""A folder of plain files, for tools that take one a sample or one a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.exporting.checks import check_folder_name
from streamcalib.exporting.data import DataExport, plan_data
from streamcalib.exporting.normalizing import normalization, numbers
from streamcalib.exporting.place import index_path
from streamcalib.exporting.rowfiles import RowFiles
from streamcalib.exporting.values import written_recipe
from streamcalib.finalizing.order import chosen_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.options import ExportOptions
    from streamcalib.exporting.rowfiles import Form
    from streamcalib.recipe import Recipe


def folder(source: CalibrationSet, out: Path, options: ExportOptions) -> DataExport:
    """Return the export of a set as a folder of ``.npy`` files."""
    return _export("folder", "npy", source, out, options)


def raw(source: CalibrationSet, out: Path, options: ExportOptions) -> DataExport:
    """Return the export of a set as a folder of ``.bin`` files: values alone, little-endian."""
    return _export("raw", "bin", source, out, options)


def _export(
    target: str, form: Form, source: CalibrationSet, out: Path, options: ExportOptions
) -> DataExport:
    options.check_taken(target, {"layout", "dtype", "value_range", "shards"})
    check_folder_name(out)
    value_range = options.value_range or ("0-255" if options.dtype == "uint8" else "recipe")
    layout = options.layout or source.recipe.layout
    recipe = written_recipe(source.recipe, value_range, layout=layout, dtype=options.dtype)
    return plan_data(
        target,
        source,
        out,
        options,
        recipe=recipe,
        container=RowFiles(shards=options.shards, form=form),
        lines=_lines(source, out, recipe),
        warnings=_warnings(source, options),
    )


def _lines(source: CalibrationSet, out: Path, recipe: Recipe) -> Mapping[str, str]:
    found = normalization(source.recipe, recipe)
    lines = {"Which file holds which image": str(index_path(out))}
    if found.is_identity:
        return {**lines, "The values are the model's own": "mean [0, 0, 0], std [1, 1, 1]"}
    words = f"mean {numbers(found.mean)}, std {numbers(found.std)}, as (x - mean) / std"
    return {**lines, "The model's values are made of these with": words}


def _warnings(source: CalibrationSet, options: ExportOptions) -> tuple[str, ...]:
    held = options.shards
    left = chosen_rows(source, options.rows) % held if held else 0
    if not left:
        return ()
    warning = (
        f"the last file holds {left} of {held} rows, which no graph of fixed batch size takes. "
        "With --rows a multiple of --shards there is none."
    )
    return (warning,)
