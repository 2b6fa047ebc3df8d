"""Intel's neural-compressor for ONNX itself, on sets that streamcalib built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from consumersets import KINDS, PlainReader, feeds, installed, make_sets, marks
from yolo_like import activation_scales, write_yolo_like

if installed("onnx_neural_compressor"):
    from onnx_neural_compressor.quantization import config, quantize
    from onnxruntime.quantization import QuantFormat

pytestmark = [
    *marks("neural_compressor", "onnx_neural_compressor"),
    pytest.mark.filterwarnings("default"),
]

SIDE = 32


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return make_sets(tmp_path_factory.mktemp("neural_compressor"), 6, SIDE)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """The usual graph; neural-compressor stops at nodes without names."""
    import onnx

    path = write_yolo_like(tmp_path_factory.mktemp("models") / "model.onnx", SIDE)
    graph = onnx.load(str(path))
    for number, node in enumerate(graph.graph.node):
        node.name = node.name or f"node{number}"
    onnx.save(graph, str(path))
    return path


def scales(model: Path, reader, **options) -> dict[str, float]:
    out = model.with_name("quantized.onnx")
    asked = config.StaticQuantConfig(
        calibration_data_reader=reader, quant_format=QuantFormat.QDQ, **options
    )
    quantize(str(model), str(out), asked)
    return activation_scales(out)


@pytest.mark.parametrize("smooth", [False, True])
def test_scales_are_those_of_a_plain_list(sets, model, smooth):
    """To the bit, from every store, with SmoothQuant and without."""
    extra = {"extra_options": {"SmoothQuant": True}} if smooth else {}
    expected = scales(model, PlainReader(feeds(sets.rows)), **extra)
    assert len(expected) >= 3
    for kind in KINDS:
        assert scales(model, sets.open(kind).ort_reader(), **extra) == expected, kind
    assert scales(model, PlainReader(feeds(sets.rows / 2)), **extra) != expected


def test_the_silent_cap(sets, model):
    """Of more than ``calibration_sampling_size`` steps, 100 by default, it takes the first."""
    reader = sets.open("float32.npy").ort_reader()
    capped = scales(model, reader, calibration_sampling_size=2)
    assert capped == scales(model, PlainReader(feeds(sets.rows[:2])))
    reader.rewind()
    assert capped != scales(model, reader, calibration_sampling_size=len(reader))
    reader.rewind()
    np.testing.assert_array_equal(reader.get_next()["images"], sets.rows[:1])
