"""A small graph with what YOLO11 has for a quantizer: SiLU convolutions and a MatMul."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_yolo_like(path: Path, side: int, *, batch: int | str = 1, seed: int = 7) -> Path:
    """Write the graph: input ``images`` (batch, 3, side, side) float32, one output."""
    generator = np.random.default_rng(seed)
    nodes, weights = [], []

    def weight(name: str, *shape: int) -> str:
        values = generator.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
        weights.append(numpy_helper.from_array(values, name))
        return name

    def convolution(source: str, name: str, channels: int, filters: int, stride: int) -> str:
        nodes.append(
            helper.make_node(
                "Conv",
                [
                    source,
                    weight(f"{name}.weight", filters, channels, 3, 3),
                    weight(f"{name}.bias", filters),
                ],
                [f"{name}.conv"],
                name=name,
                kernel_shape=[3, 3],
                strides=[stride, stride],
                pads=[1, 1, 1, 1],
            )
        )
        nodes.append(helper.make_node("Sigmoid", [f"{name}.conv"], [f"{name}.gate"]))
        nodes.append(helper.make_node("Mul", [f"{name}.conv", f"{name}.gate"], [f"{name}.out"]))
        return f"{name}.out"

    stem = convolution("images", "stem", 3, 16, 4)
    left = convolution(stem, "left", 16, 16, 2)
    right = convolution(left, "right", 16, 16, 1)
    nodes.append(helper.make_node("Concat", [left, right], ["joined"], axis=1))
    cells = (side // 8) ** 2
    weights.append(numpy_helper.from_array(np.array([-1, 32, cells], np.int64), "flat_shape"))
    nodes.append(helper.make_node("Reshape", ["joined", "flat_shape"], ["flat"]))
    nodes.append(helper.make_node("Transpose", ["flat"], ["tokens"], perm=[0, 2, 1]))
    nodes.append(helper.make_node("MatMul", ["tokens", weight("query", 32, 32)], ["mixed"]))
    nodes.append(helper.make_node("Relu", ["mixed"], ["output0"]))
    graph = helper.make_graph(
        nodes,
        "yolo-like",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [batch, cells, 32])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def activation_scales(path: Path) -> dict[str, float]:
    """Return the scale of every QuantizeLinear node of a quantized model, by the node's name."""
    model = onnx.load(str(path))
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return {
        node.name: float(np.max(values[node.input[1]]))
        for node in model.graph.node
        if node.op_type == "QuantizeLinear" and node.input[1] in values
    }
