"""INT8 models with the scales of a set, and their outputs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from pools import write_pool
from streamcalib.choosing.activations.measuring import Measuring
from streamcalib.choosing.activations.observer import Observer
from streamcalib.choosing.comparing.int8 import Int8Model
from streamcalib.choosing.comparing.outputs import differences
from streamcalib.errors import ModelError
from streamcalib.images.reading import read_image
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from yolo_like import activation_scales, write_yolo_like

SIDE = 64


@pytest.fixture
def measuring(tmp_path):
    """A small model."""
    return Measuring.of(write_yolo_like(tmp_path / "m.onnx", SIDE))


def test_scales_are_those_of_the_thresholds(tmp_path, measuring):
    """One for each tensor that was looked at, whatever was asked for before."""
    quantizable = Int8Model(measuring.model, measuring.observed.tensors)
    quantizable.clipped_at(np.full(4, 9.0))
    path = tmp_path / "q.onnx"
    path.write_bytes(quantizable.clipped_at(np.array([1.27, 12.7, 0.127, 0.0])))
    scales = activation_scales(path)
    assert sorted(scales.values()) == pytest.approx([0.001, 0.01, 0.1, 1.0])
    onnx.checker.check_model(str(path))


def test_a_good_clip_gives_a_better_output_than_a_bad_one(tmp_path, measuring):
    """Outputs in INT8 are near FP32's, and worse with half and with tenfold the range."""
    places = write_pool(tmp_path / "pool", 3)
    maker = RowMaker(measuring.recipe, find_decoder())
    observer = Observer(measuring.observed, measuring.takes)
    peaks = np.max(
        [observer.observe(maker.make(read_image(place, ()))[0]).peaks for place in places], 0
    ).astype(np.float64)
    wanted = {("a", "max"): peaks, ("a", "half"): peaks / 3, ("a", "wide"): peaks * 20}
    found = {one.method: one for one in differences(measuring, wanted, places)}
    assert found["max"].sqnr_db > 25, found
    assert found["max"].sqnr_db > found["half"].sqnr_db + 3, found
    assert found["max"].sqnr_db > found["wide"].sqnr_db + 3, found
    assert found["max"].boxes is None


def test_a_model_that_cannot_be_quantized_is_named(tmp_path):
    """With ONNX Runtime's reason."""
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"does not quantize .*no\.onnx"):
        Int8Model(str(tmp_path / "no.onnx"), ("x",))
