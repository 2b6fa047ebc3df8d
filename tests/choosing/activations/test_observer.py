"""What a row does in a graph."""

from __future__ import annotations

import math
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import text_of
from streamcalib.choosing.activations.histogram import ZERO, count, scan, top_octave
from streamcalib.choosing.activations.measuring import Measuring
from streamcalib.choosing.activations.observer import SAMPLES, Observer, open_session, step
from streamcalib.errors import ImageError, MissingExtraError, ModelError
from yolo_like import write_yolo_like

SIDE = 64


def observer_of(path, samples=SAMPLES):
    measuring = Measuring.of(path)
    return measuring, Observer(measuring.observed, measuring.takes, samples)


@pytest.fixture
def row(generator):
    """A row in [0, 1)."""
    return generator.random((3, SIDE, SIDE), np.float32)


def test_it_is_what_onnx_runtime_gives(tmp_path, row):
    """Largest magnitudes exactly, and with every value counted, every count."""
    measuring, observer = observer_of(write_yolo_like(tmp_path / "m.onnx", SIDE), 2**40)
    seen = observer.observe(row)
    session = onnxruntime.InferenceSession(measuring.observed.graph)
    made = session.run(None, {"images": row[None]})
    outputs = dict(zip((value.name for value in session.get_outputs()), made, strict=True))
    outputs["images"] = row
    for number, name in enumerate(measuring.observed.tensors):
        values = outputs[name].ravel()
        assert np.isclose(seen.peaks[number], np.abs(values).max(), rtol=1e-5)
        assert seen.tops[number] == top_octave(seen.peaks[number])
        assert seen.counts[number].sum() == values.size
    assert (seen.counts[0] == count(scan(row.ravel())[1], top_octave(row.max()))).all()


def test_the_same_row_gives_the_same_bytes(tmp_path, row):
    """In another session, too."""
    path = write_yolo_like(tmp_path / "m.onnx", SIDE)
    one, other = observer_of(path)[1].observe(row), observer_of(path)[1].observe(row)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def test_a_graph_of_fixed_batch_gets_the_row_as_often(tmp_path, row):
    """What it counts is as often as much."""
    single = observer_of(write_yolo_like(tmp_path / "1.onnx", SIDE), 2**40)[1].observe(row)
    four = observer_of(write_yolo_like(tmp_path / "4.onnx", SIDE, batch=4), 2**40)[1].observe(row)
    assert np.allclose(four.peaks, single.peaks, rtol=1e-5)
    assert (four.counts.sum(1) == 4 * single.counts.sum(1)).all()
    assert (four.counts[0] == 4 * single.counts[0]).all()


def test_dynamic_batches_take_one_row(tmp_path, row):
    """An open batch is one."""
    measuring, observer = observer_of(write_yolo_like(tmp_path / "m.onnx", SIDE, batch="n"))
    assert measuring.takes.batch == 1
    assert observer.observe(row).peaks[0] == row.max()


def with_bias(path, value):
    """Write the graph with a bias of its first convolution."""
    model = onnx.load(str(write_yolo_like(path, SIDE)))
    for tensor in model.graph.initializer:
        if tensor.name == "stem.bias":
            bias = np.full(16, value, np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(bias, "stem.bias"))
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_infinite_or_no_number_makes_a_bad_image(tmp_path, row, value):
    """The message names the tensor."""
    _, observer = observer_of(with_bias(tmp_path / "m.onnx", value))
    with pytest.raises(ImageError, match=r"tensor stem\.out holds infinite values or none"):
        observer.observe(row)


@pytest.mark.parametrize(("value", "counted"), [(np.inf, 1), (-np.inf, 1), (np.nan, 0)])
def test_a_single_odd_value_makes_a_bad_image(tmp_path, row, value, counted):
    """An infinite one wherever it is; of those that are no numbers, one that is counted."""
    _, observer = observer_of(write_yolo_like(tmp_path / "m.onnx", SIDE), samples=64)
    start, stride = step("images", (1, *row.shape), 64)
    row.reshape(-1)[(start + counted) % stride] = value
    with pytest.raises(ImageError, match=r"tensor images holds infinite values or none"):
        observer.observe(row)


def test_all_zeros_are_counted_as_such(tmp_path):
    """A tensor without any other value has a peak of 0."""
    _, observer = observer_of(write_yolo_like(tmp_path / "m.onnx", SIDE))
    seen = observer.observe(np.zeros((3, SIDE, SIDE), np.float32))
    assert seen.peaks[0] == 0
    assert seen.counts[0, ZERO] == seen.counts[0].sum() > 0


@given(st.lists(st.integers(1, 200), min_size=1, max_size=4), st.text(max_size=5))
def test_a_stride_meets_every_column_and_row(sides, name):
    """It shares no factor with any side, and counts about as many as wanted."""
    start, stride = step(name, tuple(sides), 1000)
    assert all(math.gcd(stride, side) == 1 for side in sides)
    assert 0 <= start < stride
    assert (start, stride) == step(name, tuple(sides), 1000)
    if math.prod(sides) <= 1000:
        assert stride == 1


def test_a_graph_that_onnx_runtime_does_not_take_is_refused():
    """With its own reason, in one line."""
    with pytest.raises(ModelError) as caught:
        open_session(b"no model")
    assert "ONNX Runtime does not take the model" in text_of(caught.value)


def test_without_onnx_runtime_the_extra_is_named(monkeypatch):
    """Nobody has to guess what to install."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError) as caught:
        open_session(b"")
    assert "pip install 'streamcalib[activations]'" in text_of(caught.value)
