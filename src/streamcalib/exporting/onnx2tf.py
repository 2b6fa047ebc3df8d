"""onnx2tf: NHWC, and the mean and standard deviation that it normalizes with."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from streamcalib.exporting.checks import check_suffix
from streamcalib.exporting.data import DataExport, plan_data
from streamcalib.exporting.normalizing import normalization, numbers
from streamcalib.exporting.npyfile import NpyFile
from streamcalib.exporting.values import written_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.options import ExportOptions
    from streamcalib.recipe import Recipe


def onnx2tf(source: CalibrationSet, out: Path, options: ExportOptions) -> DataExport:
    """Return the export of a set for onnx2tf's ``-cind``: a ``.npy`` (N, H, W, 3)."""
    options.check_taken("onnx2tf", {"value_range", "dtype"})
    check_suffix(out, ".npy", "one array")
    value_range = options.value_range or ("0-255" if options.dtype == "uint8" else "0-1")
    dtype = options.dtype or (None if value_range == "0-255" else "float32")
    recipe = written_recipe(source.recipe, value_range, layout="NHWC", dtype=dtype)
    return plan_data(
        "onnx2tf",
        source,
        out,
        options,
        recipe=recipe,
        container=NpyFile(),
        lines=_lines(source, out, recipe),
    )


def _lines(source: CalibrationSet, out: Path, recipe: Recipe) -> Mapping[str, str]:
    found = normalization(source.recipe, recipe)
    model = source.manifest.model
    words = ["onnx2tf", "-i", model["path"] if model else "MODEL.onnx", "-oiqt"]
    # It tells the two tensors by their shape, [1, 1, 1, 3].
    mean, std = (f"[[[{numbers(values)}]]]" for values in found)
    words += ["-cind", source.manifest.input_name, str(out), mean, std]
    return {"Convert and quantize with onnx2tf": shlex.join(words)}
