"""The record beside a quantized model."""

from __future__ import annotations

import pytest

import smallsets
from graphs import Input, write_graph
from streamcalib import ExtraInput, build
from streamcalib.quantize import prepare_quantization
from streamcalib.quantizing.record import make_record
from streamcalib.quantizing.workplace import workplace

pytestmark = pytest.mark.modelopt


def test_further_inputs_are_recorded_whole(tmp_path):
    """A number that fills a shape is told with the shape."""
    pytest.importorskip("modelopt")
    pytest.importorskip("onnxruntime")
    mask = ExtraInput("mask", 1, "float32", (1, 4, 4))
    side = smallsets.SIDE
    model = write_graph(
        tmp_path / "m.onnx", Input(shape=(1, 3, side, side)), Input("mask", (1, 1, 4, 4))
    )
    paths = smallsets.make_images(tmp_path / "images", 2)
    calibration = build(
        paths, tmp_path / "c.npz", recipe=smallsets.RECIPE, extra_inputs=[mask], jobs=1
    )
    out = tmp_path / "q.onnx"
    wanted = prepare_quantization(model, calibration, out, keywords={}, input_name="images")
    with workplace(model, out) as place:
        place.out.write_bytes(model.read_bytes())
        record = make_record(wanted, place, 1.0)
    extras = record["calibration"]["extra_inputs"]
    assert extras == {"mask": {"value": 1, "dtype": "float32", "shape": [1, 4, 4]}}
    assert ExtraInput.from_dict("mask", extras["mask"]) == mask
