"""Qualcomm's AIMET for ONNX itself, on sets that streamcalib built."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumersets import KINDS, feeds, installed, make_sets, marks
from yolo_like import write_yolo_like

if installed("aimet_onnx"):
    import onnx
    from aimet_onnx.quantsim import QuantizationSimModel

pytestmark = [*marks("aimet", "aimet_onnx"), pytest.mark.filterwarnings("default")]
SIDE = 32


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return make_sets(tmp_path_factory.mktemp("aimet"), 6, SIDE)


def encodings(model: Path, data) -> dict[str, tuple[float, float]]:
    """Simulate quantization, and return the range of every tensor."""
    graph = onnx.load(str(model))
    # AIMET finds nodes by their names.
    for number, node in enumerate(graph.graph.node):
        node.name = node.name or f"node{number}"
    simulated = QuantizationSimModel(graph)
    simulated.compute_encodings(data)
    found = {
        name: quantizer.get_encodings()
        for name, quantizer in simulated.qc_quantize_op_dict.items()
        if quantizer.enabled
    }
    return {name: (each[0].min, each[0].max) for name, each in found.items() if each}


def test_encodings_are_those_of_a_plain_list(sets, tmp_path):
    """To the bit, from every store."""
    model = write_yolo_like(tmp_path / "model.onnx", SIDE)
    expected = encodings(model, feeds(sets.rows))
    assert len(expected) >= 8
    for kind in KINDS:
        assert encodings(model, sets.open(kind).aimet_reader()) == expected, kind
    assert encodings(model, feeds(sets.rows / 2)) != expected
