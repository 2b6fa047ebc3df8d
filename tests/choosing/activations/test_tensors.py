"""Which tensors of a graph are looked at."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from graphs import Input, write_graph
from messages import text_of
from streamcalib.choosing.activations.tensors import observe, quantized_inputs
from streamcalib.errors import ModelError
from yolo_like import write_yolo_like


def test_the_inputs_of_convolutions_and_products_are_looked_at(tmp_path):
    """Each once, in order, weights left out; they come out of the graph besides its own outputs."""
    observed = observe(write_yolo_like(tmp_path / "m.onnx", 64))
    assert observed.tensors == ("images", "stem.out", "left.out", "tokens")
    outputs = [value.name for value in onnx.load_from_string(observed.graph).graph.output]
    assert outputs == ["output0", "stem.out", "left.out", "tokens"]


def test_what_is_made_of_constants_alone_is_left_out():
    """Weights that a graph unpacks are constant; a product of two activations has two inputs."""
    nodes = [
        helper.make_node("Constant", [], ["scale"], value_float=0.5),
        helper.make_node("DequantizeLinear", ["packed", "scale"], ["weight"]),
        helper.make_node("MatMul", ["x", "weight"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["a", "b"], ["c"]),
        helper.make_node("Gemm", ["b", "weight"], ["d"]),
    ]
    packed = numpy_helper.from_array(np.ones((2, 2), np.int8), "packed")
    graph = helper.make_graph(nodes, "g", [], [], [packed])
    assert quantized_inputs(graph) == ("x", "a", "b")


def test_a_graph_without_them_is_refused(tmp_path):
    """The message says what was looked for."""
    path = write_graph(tmp_path / "m\x1b.onnx", Input())
    with pytest.raises(ModelError) as caught:
        observe(path)
    assert "has no Conv, ConvTranspose, Gemm or MatMul" in text_of(caught.value)


def test_weights_in_another_file_count(tmp_path):
    """The model's hash changes with them; without them, the file is named."""
    model = onnx.load(str(write_yolo_like(tmp_path / "inside.onnx", 64)))
    path, weights = tmp_path / "m.onnx", tmp_path / "w\x1b.bin"
    onnx.save(model, str(path), save_as_external_data=True, location=weights.name, size_threshold=0)
    before = observe(path).sha256
    data = bytearray(weights.read_bytes())
    data[0] ^= 1
    weights.write_bytes(data)
    assert observe(path).sha256 != before
    weights.unlink()
    with pytest.raises(ModelError) as caught:
        observe(path)
    assert r"w\x1b.bin" in text_of(caught.value)
    assert TensorProto.EXTERNAL == 1
