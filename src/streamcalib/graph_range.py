"""What values an ONNX graph expects at its image input, as far as the graph itself tells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcalib.graph_file import load_graph

if TYPE_CHECKING:
    from os import PathLike

_PASSING = frozenset({"Cast", "Identity", "Transpose", "QuantizeLinear", "DequantizeLinear"})
_ARITHMETIC = frozenset({"Add", "BatchNormalization", "Div", "Mul", "Sub"})
# What divides bytes by hand: 255, or 256 and 127.5 in older models.
_LEAST_DIVISOR = 100.0


class GraphRange(NamedTuple):
    """What a graph does to its image input before anything else.

    Attributes
    ----------
    normalizes
        Whether its first arithmetic on the input is with constants: a mean, a scale or both.
    divides
        Whether that begins with a division by about 255, so that bytes are expected.
    is_ultralytics
        Whether Ultralytics exported it: then values from 0 to 1 are expected unless it `divides`.
    """

    normalizes: bool
    divides: bool
    is_ultralytics: bool


NOTHING_DONE = GraphRange(normalizes=False, divides=False, is_ultralytics=False)


def read_graph_range(model: str | PathLike[str], input_name: str) -> GraphRange:
    """Read what a graph does to its image input; raises as `load_graph`."""
    return range_of(load_graph(Path(model)), input_name)


def range_of(proto: Any, input_name: str) -> GraphRange:
    """Return what the graph of a ``ModelProto`` does to one of its inputs."""
    keys = {entry.key for entry in proto.metadata_props}
    constants = _constants(proto.graph)
    first = _first_arithmetic(proto.graph, input_name)
    others = [] if first is None else [name for name in first.input if name in constants]
    normalizes = bool(others) and first is not None
    divides = normalizes and _divides(first, constants[others[0]])
    return GraphRange(normalizes, divides, {"stride", "task"} <= keys)


def _first_arithmetic(graph: Any, name: str) -> Any:
    """Return the first arithmetic node on a tensor, behind nodes that only pass it on, or None."""
    seen = {name}
    for node in graph.node:
        if not seen.intersection(node.input):
            continue
        if node.op_type in _PASSING:
            seen.update(node.output)
        else:
            return node if node.op_type in _ARITHMETIC else None
    return None


def _constants(graph: Any) -> dict[str, Any]:
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            tensors[node.output[0]] = node.attribute[0].t
    return tensors


def _divides(node: Any, constant: Any) -> bool:
    if node.op_type not in ("Div", "Mul") or constant.data_location:
        return False
    from onnx import numpy_helper

    values = abs(numpy_helper.to_array(constant)).astype(float)
    if not values.size or not values.all():
        return False
    divisors = values if node.op_type == "Div" else 1 / values
    return bool(divisors.min() >= _LEAST_DIVISOR)
