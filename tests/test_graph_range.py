"""What a graph does to its input before anything else."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from graphs import ultralytics
from streamcalib.graph_range import read_graph_range


def graph(path, *nodes, constants=None, metadata=None):
    """Write a graph of nodes ``(op, inputs)``, each feeding ``t0``, ``t1``, ... in turn."""
    made = [helper.make_node(op, inputs, [f"t{n}"]) for n, (op, inputs) in enumerate(nodes)]
    weights = {
        name: numpy_helper.from_array(np.asarray(value, np.float32), name)
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


def test_who_exported_it(tmp_path):
    """Ultralytics' metadata tells."""
    nodes = [("Relu", ["images"])]
    assert not read_graph_range(graph(tmp_path / "a.onnx", *nodes), "images").is_ultralytics
    exported = graph(tmp_path / "b.onnx", *nodes, metadata=ultralytics())
    assert read_graph_range(exported, "images").is_ultralytics
