"""The tensors of a graph whose scales a quantizer chooses."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcalib.errors import ModelError
from streamcalib.graph_file import load_graph
from streamcalib.wording import printable

if TYPE_CHECKING:
    from os import PathLike

QUANTIZED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators whose inputs every quantizer quantizes."""

_CHUNK_BYTES = 2**22
_EXTERNAL = 1  # onnx.TensorProto.EXTERNAL


class Observed(NamedTuple):
    """A graph and what is looked at in it.

    Attributes
    ----------
    graph
        The model, serialized, with the tensors among its outputs; weights in other files are still
        there.
    folder
        Where those files lie.
    tensors
        Names, in the graph's order.
    sha256
        Of the model's file and of its weights in others, in hex.
    outputs
        Names of the model's own outputs.
    """

    graph: bytes
    folder: str
    tensors: tuple[str, ...]
    sha256: str
    outputs: tuple[str, ...]


def observe(model: str | PathLike[str]) -> Observed:
    """Read an ONNX file and have the inputs of its convolutions and matrix products come out of it.

    Raises
    ------
    ModelError
        If it is no ONNX graph, or has nothing that a quantizer quantizes.
    MissingExtraError
        If the package ``onnx`` is not installed.
    """
    path = Path(model)
    proto = load_graph(path)
    tensors = quantized_inputs(proto.graph)
    if not tensors:
        raise ModelError(
            f"{printable(str(model))} has no {', '.join(QUANTIZED[:-1])} or {QUANTIZED[-1]} whose "
            "input is not constant: there is nothing to choose images by."
        )
    digest = _digest(path, proto)
    outputs = tuple(value.name for value in proto.graph.output)
    given = {*(value.name for value in proto.graph.input), *outputs}
    for name in tensors:
        if name not in given:
            # ONNX Runtime finds out type and shape by itself.
            proto.graph.output.add().name = name
    try:
        graph = proto.SerializeToString()
    except ValueError as error:
        raise ModelError(
            f"{printable(str(model))} with more outputs is over 2 GB: save its weights as external "
            "data."
        ) from error
    return Observed(graph, str(path.absolute().parent), tensors, digest, outputs)


def quantized_inputs(graph: Any) -> tuple[str, ...]:
    """Return the distinct inputs of `QUANTIZED` nodes that are not constant, in order.

    Only the main graph is looked at, not the branches of ``If`` and the bodies of ``Loop``.
    """
    constant = {tensor.name for tensor in graph.initializer}
    constant |= {tensor.values.name for tensor in graph.sparse_initializer}
    found: dict[str, None] = {}
    for node in graph.node:
        inputs = [name for name in node.input if name]
        has_branches = any(attribute.HasField("g") for attribute in node.attribute)
        if not has_branches and all(name in constant for name in inputs):
            if not node.op_type.startswith("Random"):
                constant.update(node.output)
        elif node.op_type in QUANTIZED:
            found.update((name, None) for name in inputs if name not in constant)
    return tuple(found)


def _digest(path: Path, proto: Any) -> str:
    """Return what changes when the graph or a weight does."""
    others = {
        entry.value
        for tensor in proto.graph.initializer
        if tensor.data_location == _EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    digest = hashlib.sha256()
    for file in (path, *(path.absolute().parent / name for name in sorted(others))):
        try:
            with file.open("rb") as data:
                while chunk := data.read(_CHUNK_BYTES):
                    digest.update(chunk)
        except OSError as error:
            raise ModelError(
                f"{printable(str(file))}, which holds weights of {printable(str(path))}, cannot be "
                f"read: {error.strerror}."
            ) from error
    return digest.hexdigest()
