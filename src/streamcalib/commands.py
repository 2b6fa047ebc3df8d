"""The commands that a set's manifest and card hand to a person."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamcalib.graph import ImageInput

MODEL_PLACEHOLDER = "MODEL.onnx"


def modelopt_command(
    data: Path,
    row_shape: tuple[int, ...],
    *,
    graph: ImageInput | None = None,
) -> str:
    """Return the command that quantizes a model with a set, by NVIDIA ModelOpt's ONNX PTQ.

    A graph with dynamic height or width gets the shape of one calibration step, which ModelOpt
    would otherwise fill with ones. The quantized model goes beside the set.
    """
    onnx = graph.model if graph else MODEL_PLACEHOLDER
    quantized = f"{Path(onnx).stem}.int8.onnx"
    arguments = [
        f"--onnx_path={onnx}",
        "--quantize_mode=int8",
        f"--calibration_data_path={data}",
        f"--output_path={data.with_name(quantized) if graph else quantized}",
    ]
    if graph is not None and None in (graph.height, graph.width):
        step = "x".join(str(n) for n in (graph.batch or 1, *row_shape))
        arguments.insert(3, f"--calibration_shapes={graph.name}:{step}")
    return shlex.join(["python", "-m", "modelopt.onnx.quantization", *arguments])
