"""Rockchip's RKNN-Toolkit2: a folder of one NCHW file a row, 0 to 255, and a list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.exporting.checks import check_folder_name
from streamcalib.exporting.data import DataExport, plan_data
from streamcalib.exporting.normalizing import normalization, numbers
from streamcalib.exporting.rowfiles import RowFiles
from streamcalib.exporting.values import written_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.options import ExportOptions
    from streamcalib.recipe import Recipe

LIST_NAME = "dataset.txt"


def rknn(source: CalibrationSet, out: Path, options: ExportOptions) -> DataExport:
    """Return the export of a set for RKNN-Toolkit2: files (1, 3, H, W) ``uint8``, ``dataset.txt``.

    The list names the files relative to itself, as the toolkit reads it, so that the folder can be
    moved and its path may hold spaces.
    """
    options.check_taken("rknn", ())
    check_folder_name(out)
    recipe = written_recipe(source.recipe, "0-255", layout="NCHW", dtype="uint8")
    return plan_data(
        "rknn",
        source,
        out,
        options,
        recipe=recipe,
        container=RowFiles(shards=1, list_name=LIST_NAME),
        lines=_lines(source, out, recipe),
    )


def _lines(source: CalibrationSet, out: Path, recipe: Recipe) -> Mapping[str, str]:
    found = normalization(source.recipe, recipe)
    means, stds = f"[{numbers(found.mean)}]", f"[{numbers(found.std)}]"
    return {
        # The swap is for image files, which these are not: channels are as the model takes them.
        "Put into your script, and leave quant_img_RGB2BGR out": (
            f"rknn.config(mean_values={means}, std_values={stds}, target_platform=...)"
        ),
        "and quantize with": (
            f"rknn.build(do_quantization=True, dataset={str(out / LIST_NAME)!a})"
        ),
    }
