"""What is checked of a quantization before ModelOpt runs."""

from __future__ import annotations

import pytest

import smallsets
from graphs import Input, write_graph
from streamcalib import build
from streamcalib.errors import InputError
from streamcalib.quantize import prepare_quantization

pytestmark = pytest.mark.modelopt


@pytest.mark.parametrize("batch", ["²", "0", "-1", "N", ""])
def test_a_declared_batch_that_is_none(tmp_path, batch):
    """A sign that looks like a digit is refused as any other that is no number."""
    pytest.importorskip("onnxruntime")
    side = smallsets.SIDE
    model = write_graph(tmp_path / "m.onnx", Input(shape=("N", 3, side, side)))
    paths = smallsets.make_images(tmp_path / "images", 2)
    calibration = build(paths, tmp_path / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    keywords = {"calibration_shapes": f"images:{batch}x3x{side}x{side}"}
    with pytest.raises(InputError, match="no batch"):
        prepare_quantization(model, calibration, tmp_path / "q.onnx", keywords=keywords)
