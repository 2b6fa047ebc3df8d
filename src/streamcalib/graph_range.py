"""What values an ONNX graph expects at its image input, as far as the graph itself tells."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from streamcalib.graph_file import load_graph

if TYPE_CHECKING:
    from os import PathLike

_RESHAPING = frozenset({"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
_PASSING = _RESHAPING | {
    "Concat",
    "DequantizeLinear",
    "Flatten",
    "Gather",
    "Pad",
    "QuantizeLinear",
    "Resize",
    "Slice",
    "Split",
    "Transpose",
}
_ARITHMETIC = frozenset({"Add", "Div", "Mul", "Sub"})
# What divides bytes by hand: 255, or 256 and 127.5 in older models.
_LEAST_DIVISOR = 100.0
LARGEST_NORMALIZED = 8.0
"""No normalized row goes beyond it, nor do mean and deviation of values from 0 to 1; bytes do."""


class GraphRange(NamedTuple):
    """What a graph does to its image input before anything else.

    Attributes
    ----------
    normalizes
        Whether its first arithmetic on the input is with constants: a mean, a scale or both.
    divides
        Whether that begins with a division by about 255.
    is_ultralytics
        Whether Ultralytics exported it: then 0 to 1 is expected unless it `normalizes`.
    expects
        Which values its constants are for: ``bytes`` from 0 to 255, or ``fractions``, from 0 to 1;
        None if they do not tell.
    """

    normalizes: bool
    divides: bool
    is_ultralytics: bool
    expects: Literal["bytes", "fractions"] | None = None

    @property
    def in_words(self) -> str:
        """What it does to bytes, as what follows "the graph"."""
        if self.divides:
            return "divides its input by about 255 itself"
        return "takes mean and scale of values from 0 to 255 out of its input itself"


NOTHING_DONE = GraphRange(normalizes=False, divides=False, is_ultralytics=False)


class _Line(NamedTuple):
    """What became of the input in a tensor: ``factor * input + offset``, over all channels.

    ``divides`` is whether it began with a division by about 255; ``known`` is False where the
    constants cannot be read, or forget the input.
    """

    factor: float = 1.0
    offset: float = 0.0
    divides: bool = False
    known: bool = True


_UNTOUCHED = _Line()
_UNKNOWN = _Line(known=False)


def read_graph_range(model: str | PathLike[str], input_name: str) -> GraphRange:
    """Read what a graph does to its image input; raises as `load_graph`."""
    return range_of(load_graph(Path(model)), input_name)


def range_of(proto: Any, input_name: str) -> GraphRange:
    """Return what the graph of a ``ModelProto`` does to one of its inputs."""
    keys = {entry.key for entry in proto.metadata_props}
    lines = [line for line in _last_lines(proto.graph, input_name) if line != _UNTOUCHED]
    kinds = {_expected(line) for line in lines if line.known}
    return GraphRange(
        normalizes=bool(lines),
        divides=any(line.divides for line in lines),
        is_ultralytics={"stride", "task"} <= keys,
        expects="bytes" if "bytes" in kinds else "fractions" if kinds else None,
    )


def _expected(line: _Line) -> Literal["bytes", "fractions"]:
    """Tell bytes from fractions by the mean and the deviation that a normalization takes out."""
    mean, deviation = abs(line.offset / line.factor), abs(1 / line.factor)
    return "bytes" if max(mean, deviation) > LARGEST_NORMALIZED else "fractions"


def _last_lines(graph: Any, name: str) -> list[_Line]:
    """Follow an input through arithmetic with constants, and return where that ends.

    Nodes that only pass values on are followed, too; others that take the input, like the ``Shape``
    of exports of open size, do not matter.
    """
    constants = _constants(graph)
    lines = {name: _UNTOUCHED}
    followed = set()
    for node in graph.node:
        taken = [each for each in node.input if each in lines]
        if node.op_type in _PASSING and taken:
            after = lines[taken[0]]
        elif node.op_type == "BatchNormalization" and taken == [node.input[0]]:
            after = _UNKNOWN
        elif node.op_type in _ARITHMETIC and len(taken) == 1:
            others = [constants[each] for each in node.input if each in constants]
            if not others:
                continue
            is_first = node.input[0] == taken[0]
            after = _applied(node.op_type, lines[taken[0]], _mean(others[0]), is_first=is_first)
        else:
            continue
        followed.update(taken)
        if after.known:
            lines.update(dict.fromkeys(node.output, after))
        else:
            # Nothing can be said of what follows, but that something was done.
            lines[node.output[0]] = after
    return [line for tensor, line in lines.items() if tensor not in followed]


def _applied(operation: str, line: _Line, value: float | None, *, is_first: bool) -> _Line:
    """Return a line after one more operation with a constant; the line may be its first operand."""
    if not line.known or value is None:
        return _UNKNOWN
    factor, offset, divides, _ = line
    if operation == "Add":
        return _Line(factor, offset + value, divides)
    if operation == "Sub":
        turned = 1 if is_first else -1
        return _Line(factor * turned, (offset - value) * turned, divides)
    if value == 0 or (operation == "Div" and not is_first):
        return _UNKNOWN
    by = 1 / value if operation == "Div" else value
    begins = line == _UNTOUCHED and abs(by) * _LEAST_DIVISOR <= 1
    scaled = _Line(factor * by, offset * by, divides or begins)
    # Numbers that no model has could end at zero or infinity.
    return scaled if scaled.factor and isfinite(scaled.factor) else _UNKNOWN


def _constants(graph: Any) -> dict[str, Any]:
    """Return tensors and numbers that are the same for every input, by name."""
    from onnx import helper

    constants: dict[str, Any] = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute:
            constants[node.output[0]] = helper.get_attribute_value(node.attribute[0])
        elif node.op_type in _RESHAPING and node.input and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
    return constants


def _mean(constant: Any) -> float | None:
    """Return the mean of a constant's values, which tells their size; None if there is none."""
    from onnx import TensorProto, numpy_helper

    if isinstance(constant, TensorProto):
        if constant.data_location:
            return None
        constant = numpy_helper.to_array(constant)
    import numpy as np

    values = np.asarray(constant)
    if not values.size or values.dtype.kind not in "fiu":
        return None
    mean = float(values.astype(float).mean())
    return mean if isfinite(mean) else None
