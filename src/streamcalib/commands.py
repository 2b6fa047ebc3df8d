"""The commands that a set's manifest and card hand to a person."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamcalib.graph import ImageInput
    from streamcalib.manifest import StoreKind
    from streamcalib.remotepath import SetPath

MODEL_PLACEHOLDER = "MODEL.onnx"
QUANTIZE = "Quantize with NVIDIA ModelOpt, without loading the set"
MODELOPT = "The same by ModelOpt's own command line"
FINALIZE = "Write the final values for a quantizer"


def set_commands(data: SetPath, store: StoreKind, model: dict[str, Any] | None) -> dict[str, str]:
    """Return what can be done with a set, in words, and the command that does it.

    Parameters
    ----------
    data
        The set's file, absolute.
    store
        What it holds.
    model
        The manifest's `model_facts`, or None.
    """
    commands = {QUANTIZE: _quantize_command(data, model)}
    if store == "uint8":
        # What is behind a URL is finalized to here.
        name = f"{data.stem}_final.npy"
        final = data.with_name(name) if isinstance(data, Path) else name
        commands[FINALIZE] = shlex.join(["streamcalib", "finalize", str(data), "--out", str(final)])
    else:
        commands[MODELOPT] = _modelopt_command(data, model)
    return commands


def report_command(data: SetPath) -> str:
    """Return the command that writes a page on which a person looks at a set."""
    # What is behind a URL is looked at here.
    page = data.with_name("report.html") if isinstance(data, Path) else "report.html"
    return shlex.join(["streamcalib", "report", str(data), "--out", str(page)])


def model_facts(graph: ImageInput, row_shape: tuple[int, ...]) -> dict[str, Any]:
    """Return what the manifest keeps of the model that a set was built for.

    ``path`` (absolute), ``input_name``, and ``calibration_shapes``: for a graph with dynamic height
    or width the shape of one calibration step, which ModelOpt would otherwise fill with ones.
    """
    dynamic = None in (graph.height, graph.width)
    step = "x".join(str(side) for side in (graph.batch or 1, *row_shape))
    return {
        "path": os.path.abspath(graph.model),  # noqa: PTH100 (keeps links)
        "input_name": graph.name,
        "calibration_shapes": f"{graph.name}:{step}" if dynamic else None,
    }


def _quantize_command(data: SetPath, model: dict[str, Any] | None) -> str:
    onnx = model["path"] if model else MODEL_PLACEHOLDER
    out = _quantized(data, model)
    words = ["streamcalib", "quantize", onnx, "--calibration", str(data), "--out", out]
    return shlex.join(words)


def _quantized(data: SetPath, model: dict[str, Any] | None) -> str:
    """Return where the quantized model goes: beside the set, where there is room and the right."""
    if model is None:
        return f"{Path(MODEL_PLACEHOLDER).stem}.int8.onnx"
    name = f"{Path(model['path']).stem}.int8.onnx"
    return str(data.with_name(name)) if isinstance(data, Path) else name


def _modelopt_command(data: SetPath, model: dict[str, Any] | None) -> str:
    onnx = model["path"] if model else MODEL_PLACEHOLDER
    arguments = [
        f"--onnx_path={onnx}",
        "--quantize_mode=int8",
        f"--calibration_data_path={data}",
        f"--output_path={_quantized(data, model)}",
    ]
    if model and model["calibration_shapes"]:
        arguments.insert(3, f"--calibration_shapes={model['calibration_shapes']}")
    return shlex.join(["python", "-m", "modelopt.onnx.quantization", *arguments])
