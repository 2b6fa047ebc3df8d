"""Hailo's Dataflow Compiler: NHWC, 0 to 255, and normalization in the model script."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from streamcalib.errors import InputError
from streamcalib.exporting.checks import check_folder_name
from streamcalib.exporting.data import DataExport, plan_data
from streamcalib.exporting.normalizing import normalization, numbers
from streamcalib.exporting.npyfile import NpyFile
from streamcalib.exporting.rowfiles import RowFiles
from streamcalib.exporting.values import written_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.options import ExportOptions
    from streamcalib.recipe import Recipe


def hailo(source: CalibrationSet, out: Path, options: ExportOptions) -> DataExport:
    """Return the export of a set for Hailo: a ``.npy`` (N, H, W, 3), or a folder of one a row."""
    options.check_taken("hailo", {"dtype", "value_range"})
    if options.dtype == "float16":
        raise InputError("--dtype float16 is not for --for hailo: it takes uint8 or float32.")
    as_floats = options.dtype == "float32" and source.recipe.dtype != "uint8"
    value_range = options.value_range or ("recipe" if as_floats else "0-255")
    dtype = options.dtype or ("uint8" if value_range == "0-255" else "float32")
    recipe = written_recipe(source.recipe, value_range, layout="NHWC", dtype=dtype)
    is_file = out.suffix == ".npy"
    if not is_file:
        check_folder_name(out)
    return plan_data(
        "hailo",
        source,
        out,
        options,
        recipe=recipe,
        container=NpyFile() if is_file else RowFiles(),
        lines=_lines(source, out, recipe),
    )


def _lines(source: CalibrationSet, out: Path, recipe: Recipe) -> Mapping[str, str]:
    found = normalization(source.recipe, recipe)
    if found.is_identity:
        title = "Put no normalization() into the model script (.alls)"
        script = {title: "# the rows hold what the model takes"}
    else:
        call = f"normalization1 = normalization({numbers(found.mean)}, {numbers(found.std)})"
        script = {"Put into the model script (.alls)": call}
    words = ["hailo", "optimize", "MODEL.har", "--hw-arch", "hailo8"]
    words += ["--calib-set-path", str(out), "--model-script", "MODEL.alls"]
    return {**script, "Optimize with Hailo's Dataflow Compiler": shlex.join(words)}
