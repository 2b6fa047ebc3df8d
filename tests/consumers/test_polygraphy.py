"""Polygraphy itself, on sets that streamcalib built, as far as it goes without a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from consumersets import KINDS, installed, make_sets, marks
from messages import text_of
from streamcalib.errors import ModelError
from yolo_like import write_yolo_like

if installed("polygraphy", "onnxruntime"):
    from polygraphy.backend.base.util import check_inputs
    from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx
    from polygraphy.common import TensorMetadata
    from polygraphy.comparator import Comparator
    from polygraphy.exception import PolygraphyException

pytestmark = marks("polygraphy", "polygraphy", "onnxruntime")
SIDE = 32


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return make_sets(tmp_path_factory.mktemp("polygraphy"), 6, SIDE)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    return write_yolo_like(folder / "model.onnx", SIDE, batch=2)


def calibrated(loader, metadata) -> np.ndarray:
    """Go through a loader as ``Calibrator.get_batch`` does, up to the copy to the device.

    The calibrator itself derives from a class of TensorRT's, which needs a GPU.
    """
    loader.input_metadata = metadata
    given = []
    for step in iter(loader):
        check_inputs(step, metadata)
        given.append(step["images"])
    return np.concatenate(given)


@pytest.mark.parametrize("kind", KINDS)
def test_a_calibrator_sees_the_rows(sets, model, kind):
    """All of them, in order, and again for a second network."""
    loader = sets.open(kind).polygraphy_loader(model=model)
    metadata = TensorMetadata().add("images", np.float32, (2, 3, SIDE, SIDE))
    for _ in range(2):
        np.testing.assert_array_equal(calibrated(loader, metadata), sets.rows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("streaming", [False, True])
def test_comparators_run_on_the_rows(sets, model, kind, streaming):
    """What ONNX Runtime gives for the rows in memory, it gives for the loader's."""
    session = SessionFromOnnx(str(model))
    with OnnxrtRunner(session) as runner:
        expected = [
            runner.infer({"images": sets.rows[start : start + 2]})["output0"].copy()
            for start in (0, 2, 4)
        ]
    loader = sets.open(kind).polygraphy_loader(model=model)
    runs = Comparator.run([OnnxrtRunner(session)], data_loader=loader, streaming=streaming)
    results = [results[0][1][0] for results in runs] if streaming else runs[0][1]
    given = [result["output0"] for result in results]
    np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "said"),
    [
        ("x", np.float32, (2, 3, SIDE, SIDE), ["takes 'x'", "not 'images'", "input_name"]),
        ("images", np.float32, (4, 3, SIDE, SIDE), ["4x3x32x32", "2x3x32x32", "batch_size"]),
        ("images", np.float32, (-1, SIDE, SIDE, 3), ["?x32x32x3", "layout"]),
        ("images", np.int8, (2, 3, SIDE, SIDE), ["is int8", "float32"]),
    ],
)
def test_what_their_calibrator_swallows_is_refused(sets, name, dtype, shape, said):
    """Theirs would end early, with a warning at most; ours says so before the first step."""
    metadata = TensorMetadata().add(name, dtype, shape)
    loader = sets.open("float32.npy").polygraphy_loader(batch_size=2)
    with pytest.raises(PolygraphyException):
        check_inputs(loader.get_first(), metadata)
    with pytest.raises(ModelError) as caught:
        loader.input_metadata = metadata
    message = text_of(caught.value, lines=3 if name == "x" else 1)
    for words in said:
        assert words in message


def test_open_sides_fit_everything(sets):
    """A dynamic batch, height and width."""
    loader = sets.open("float32.npy").polygraphy_loader()
    metadata = TensorMetadata().add("images", np.float32, (-1, 3, -1, None))
    np.testing.assert_array_equal(calibrated(loader, metadata), sets.rows)
