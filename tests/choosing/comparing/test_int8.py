"""INT8 models with the scales of a set, and their outputs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from messages import text_of
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
    quantizable = Int8Model(measuring.model, measuring.observed.tensors)
    found = {one.method: one for one in differences(measuring, quantizable, wanted, places)}
    assert found["max"].sqnr_db > 25, found
    assert found["max"].sqnr_db > found["half"].sqnr_db + 3, found
    assert found["max"].sqnr_db > found["wide"].sqnr_db + 3, found
    assert found["max"].boxes is None


def test_a_model_that_cannot_be_quantized_is_named(tmp_path):
    """With ONNX Runtime's reason."""
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"does not quantize .*no\.onnx"):
        Int8Model(str(tmp_path / "no.onnx"), ("x",))


def ends_in(tmp_path, *nodes, constants=(), shape=None, **metadata):
    """Return a model whose output is made of another one's by further nodes, ready to compare."""
    proto = onnx.load(str(write_yolo_like(tmp_path / "plain.onnx", SIDE)))
    proto.graph.node[-1].output[0] = "plain"
    proto.graph.node.extend(nodes)
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(v, n) for n, v in constants)
    proto.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("output0", onnx.TensorProto.FLOAT, shape)
    )
    onnx.helper.set_model_props(proto, metadata)
    onnx.save(proto, str(tmp_path / "ends.onnx"))
    return Measuring.of(tmp_path / "ends.onnx")


def compared(measuring, places, clip):
    quantizable = Int8Model(measuring.model, measuring.observed.tensors)
    clips = np.full(len(measuring.observed.tensors), clip)
    return differences(measuring, quantizable, {("a", "max"): clips}, places)


def test_values_that_are_no_numbers_are_the_worst(tmp_path):
    """Not the best, which a comparison with NaN would make of them."""
    constants = [("one", np.float32(1.0)), ("zero", np.float32(0.0))]
    # One over an output of zeros is infinite, and such are all of INT8 with a clip at nothing.
    nodes = [onnx.helper.make_node("Div", ["one", "plain"], ["output0"])]
    measuring = ends_in(tmp_path, *nodes, constants=constants)
    [found] = compared(measuring, write_pool(tmp_path / "pool", 2), 1e-30)
    assert found.sqnr_db == -200


def test_outputs_of_other_sizes_are_refused(tmp_path):
    """As a graph has them that chooses among its boxes."""
    constants = [("least", np.float32(1.0))]
    nodes = [
        onnx.helper.make_node("Greater", ["plain", "least"], ["chosen"]),
        onnx.helper.make_node("Compress", ["plain", "chosen_flat"], ["output0"]),
    ]
    constants.append(("all", np.array([-1], np.int64)))
    nodes.insert(1, onnx.helper.make_node("Reshape", ["chosen", "all"], ["chosen_flat"]))
    measuring = ends_in(tmp_path, *nodes, constants=constants, shape=["some"])
    with pytest.raises(ModelError) as caught:
        compared(measuring, write_pool(tmp_path / "pool", 2), 1e-3)
    assert "in FP32 and 0 in INT8" in text_of(caught.value)
    assert "without what chooses among its boxes (NMS)" in text_of(caught.value)


def test_what_onnx_runtime_stumbles_over_is_told(tmp_path):
    """In one line, with the image."""
    constants = [("all", np.array([1, 7, 1], np.int64))]
    nodes = [
        onnx.helper.make_node("NonZero", ["plain"], ["places"]),
        onnx.helper.make_node("Reshape", ["places", "all"], ["seven"]),
        onnx.helper.make_node("Cast", ["seven"], ["output0"], to=onnx.TensorProto.FLOAT),
    ]
    measuring = ends_in(tmp_path, *nodes, constants=constants, shape=[1, 7, 1])
    [place] = write_pool(tmp_path / "pool", 1)
    with pytest.raises(ModelError) as caught:
        compared(measuring, [place], 1.0)
    assert f"cannot run {measuring.model} on {place}: " in text_of(caught.value)


PLACES = 84  # of 64 pixels a side, at strides 8, 16 and 32


def detector(tmp_path, factor, **metadata):
    """Return a model whose output has a detector's shape, with scores up to ``factor``."""
    rows = np.concatenate([np.full(4, 30.0), np.full(3, factor)]).astype(np.float32)
    constants = [
        ("rows", np.broadcast_to(rows[None, :, None], (1, 7, PLACES)).copy()),
        ("none", np.float32(0.0)),
    ]
    nodes = [
        onnx.helper.make_node("ReduceMax", ["plain"], ["most"], keepdims=0),
        onnx.helper.make_node("Mul", ["most", "none"], ["nothing"]),
        onnx.helper.make_node("Add", ["rows", "nothing"], ["output0"]),
    ]
    return ends_in(tmp_path, *nodes, constants=constants, shape=[1, 7, PLACES], **metadata)


@pytest.mark.parametrize(
    ("factor", "metadata", "boxes"),
    [
        (0.9, {}, 2),
        (30.0, {}, None),
        (0.9, {"task": "detect", "stride": "32"}, 2),
        (0.9, {"task": "pose", "stride": "32"}, None),
        (0.9, {"task": "obb", "stride": "32"}, None),
    ],
)
def test_only_detectors_have_boxes(tmp_path, factor, metadata, boxes):
    """Not the exports for poses and turned boxes, whose outputs have the same shape."""
    measuring = detector(tmp_path, factor, **metadata)
    assert measuring.task == metadata.get("task")
    [found] = compared(measuring, write_pool(tmp_path / "pool", 2), 1.0)
    assert found.boxes == boxes
