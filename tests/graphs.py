"""Small ONNX graphs, made on the fly, whose inputs are like those of real models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from onnx import TensorProto, helper, save

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FLOAT = TensorProto.FLOAT
FLOAT16 = TensorProto.FLOAT16
UINT8 = TensorProto.UINT8
INT8 = TensorProto.INT8
INT64 = TensorProto.INT64


class Input(NamedTuple):
    """A graph's input; a text among the dimensions is open, a shape of None unknown."""

    name: str = "images"
    shape: Sequence[int | str | None] | None = (1, 3, 640, 640)
    dtype: int = FLOAT


def write_graph(
    path: Path,
    *inputs: Input,
    weights: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
    outputs: Sequence[Sequence[int | str | None] | None] | None = None,
) -> Path:
    """Write a graph that passes its first input on; ``weights`` are listed as inputs as well.

    ``outputs`` are the shapes that it declares for what it gives, by default the input's.
    """
    first = inputs[0]
    declared = [
        helper.make_tensor_value_info(each.name, each.dtype, each.shape)
        for each in (*inputs, *(Input(name, (2,)) for name in weights))
    ]
    given = [first.shape] if outputs is None else outputs
    graph = helper.make_graph(
        [helper.make_node("Identity", [first.name], [f"output{n}"]) for n in range(len(given))],
        "small",
        declared,
        [
            helper.make_tensor_value_info(f"output{number}", first.dtype, shape)
            for number, shape in enumerate(given)
        ],
        [helper.make_tensor(name, FLOAT, (2,), (0.5, 0.25)) for name in weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    save(model, str(path))
    return path


def ultralytics(**changes: Any) -> dict[str, str]:
    """Return the metadata that Ultralytics writes into its exports."""
    usual = {"task": "detect", "stride": "32", "batch": "1", "imgsz": "[640, 640]", "names": "{}"}
    return {**usual, **{key: str(value) for key, value in changes.items()}}
