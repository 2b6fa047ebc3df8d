"""What a graph does to its input before anything else."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, load, numpy_helper, save

from graphs import ultralytics
from streamcalib.graph_range import read_graph_range


def graph(path, *nodes, constants=None, metadata=None):
    """Write a graph of nodes ``(op, inputs)``, each feeding ``t0``, ``t1``, ... in turn."""
    made = [helper.make_node(op, inputs, [f"t{n}"]) for n, (op, inputs) in enumerate(nodes)]
    weights = {
        name: numpy_helper.from_array(
            np.asarray(value, np.int64 if name.startswith("i") else np.float32), name
        )
        for name, value in (constants or {}).items()
    }
    model = helper.make_model(
        helper.make_graph(
            made,
            "g",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 8, 8))],
            [helper.make_tensor_value_info(made[-1].output[0], TensorProto.FLOAT, None)],
            list(weights.values()),
        )
    )
    helper.set_model_props(model, metadata or {})
    save(model, str(path))
    return path


@pytest.mark.parametrize(
    ("nodes", "constants", "expected"),
    [
        ([("Relu", ["images"])], {}, (False, False)),
        ([("Div", ["images", "c"])], {"c": 255}, (True, True)),
        ([("Mul", ["images", "c"])], {"c": 1 / 255}, (True, True)),
        ([("Mul", ["c", "images"])], {"c": [[[1 / 255]]] * 3}, (True, True)),
        ([("Div", ["images", "c"])], {"c": 0.225}, (True, False)),
        ([("Sub", ["images", "c"])], {"c": 0.45}, (True, False)),
        ([("Mul", ["images", "c"])], {"c": 0}, (True, False)),
        ([("Mul", ["images", "images"])], {}, (False, False)),
        ([("Identity", ["images"]), ("Div", ["t0", "c"])], {"c": 255}, (True, True)),
        ([("Relu", ["images"]), ("Div", ["t0", "c"])], {"c": 255}, (False, False)),
    ],
)
def test_first_arithmetic(tmp_path, nodes, constants, expected):
    """Only what is done with constants, before anything else, is normalization."""
    model = graph(tmp_path / "m.onnx", *nodes, constants=constants)
    assert read_graph_range(model, "images")[:2] == expected


BYTES = {"m": [[[123.7]], [[116.3]], [[103.5]]], "s": [[[58.4]], [[57.1]], [[57.4]]]}
FRACTIONS = {"m": [[[0.485]], [[0.456]], [[0.406]]], "s": [[[0.229]], [[0.224]], [[0.225]]]}
TAKEN_OUT = [("Sub", ["images", "m"]), ("Div", ["t0", "s"])]


@pytest.mark.parametrize(
    ("nodes", "constants", "expected"),
    [
        (TAKEN_OUT, BYTES, "bytes"),
        (TAKEN_OUT, FRACTIONS, "fractions"),
        ([("Div", ["images", "c"]), ("Sub", ["t0", "m"])], {"c": 255, **FRACTIONS}, "bytes"),
        ([("Mul", ["images", "c"]), ("Sub", ["t0", "m"])], {"c": 255, **BYTES}, "fractions"),
        ([("Mul", ["images", "c"]), ("Add", ["t0", "o"])], {"c": 2, "o": -1}, "fractions"),
        ([("Mul", ["images", "c"]), ("Add", ["t0", "o"])], {"c": 1 / 127.5, "o": -1}, "bytes"),
        ([("Sub", ["images", "o"]), ("Div", ["t0", "c"])], {"o": 0, "c": 255}, "bytes"),
        ([("Sub", ["m", "images"])], BYTES, "bytes"),
        ([("Identity", ["m"]), ("Sub", ["images", "t0"])], BYTES, "bytes"),
        ([("Mul", ["images", "c"])], {"c": 0}, None),
        ([("Div", ["c", "images"])], {"c": 255}, None),
        ([("Mul", ["images", "c"]), ("Mul", ["t0", "c"])], {"c": 1e-38}, "bytes"),
        (
            [("Mul", ["images", "c"])] + [("Mul", [f"t{n}", "c"]) for n in range(9)],
            {"c": 1e-38},
            None,
        ),
    ],
)
def test_values_that_the_constants_are_for(tmp_path, nodes, constants, expected):
    """The whole chain says it, not its first number."""
    found = read_graph_range(graph(tmp_path / "m.onnx", *nodes, constants=constants), "images")
    assert found.expects == expected
    assert found.normalizes


@pytest.mark.parametrize(
    "nodes",
    [
        [("Shape", ["images"]), ("Div", ["images", "c"])],
        [("Size", ["images"]), ("Div", ["images", "c"])],
        [("Relu", ["images"]), ("Div", ["images", "c"])],
        [("Gather", ["images", "i"]), ("Div", ["t0", "c"])],
        [("Slice", ["images", "i", "i1"]), ("Div", ["t0", "c"])],
        [("Split", ["images"]), ("Div", ["t0", "c"]), ("Concat", ["t1", "t1"])],
        [("Reshape", ["images", "i4"]), ("Unsqueeze", ["t0", "i"]), ("Div", ["t1", "c"])],
        [("Pad", ["images", "i"]), ("Resize", ["t0", "", "c"]), ("Div", ["t1", "c"])],
    ],
)
def test_what_stands_before_the_arithmetic(tmp_path, nodes):
    """Shapes are no values, and parts of an image are still its values."""
    constants = {"c": 255, "i": [0], "i1": [1], "i4": [1, 3, 8, 8]}
    found = read_graph_range(graph(tmp_path / "m.onnx", *nodes, constants=constants), "images")
    assert found == (True, True, False, "bytes")


def test_numbers_in_a_node(tmp_path):
    """A constant may be written as a bare number."""
    path = graph(tmp_path / "m.onnx", ("Div", ["images", "c"]))
    model = load(str(path))
    model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value_float=255.0))
    save(model, str(path))
    assert read_graph_range(path, "images")[:2] == (True, True)


def test_arithmetic_that_does_nothing(tmp_path):
    """A division by 1 is no normalization."""
    path = graph(tmp_path / "m.onnx", ("Div", ["images", "c"]), constants={"c": 1})
    assert not read_graph_range(path, "images").normalizes


def test_who_exported_it(tmp_path):
    """Ultralytics' metadata tells."""
    nodes = [("Relu", ["images"])]
    assert not read_graph_range(graph(tmp_path / "a.onnx", *nodes), "images").is_ultralytics
    exported = graph(tmp_path / "b.onnx", *nodes, metadata=ultralytics())
    assert read_graph_range(exported, "images").is_ultralytics
