"""OpenVINO's NNCF itself, on sets that streamcalib built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from consumersets import KINDS, feeds, installed, make_sets, marks
from streamcalib.errors import InputError
from yolo_like import write_yolo_like

if installed("nncf", "openvino"):
    import nncf
    import openvino

pytestmark = marks("openvino", "nncf", "openvino")
SIDE = 32


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return make_sets(tmp_path_factory.mktemp("openvino"), 6, SIDE)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for batch in (1, 2):
        write_yolo_like(folder / f"{batch}.onnx", SIDE, batch=batch)
    return folder


def ranges(model: Path, dataset, **options) -> dict[str, list]:
    """Quantize, and return every activation's range by its node."""
    quantized = nncf.quantize(openvino.Core().read_model(model), dataset, **options)
    found = {}
    for node in quantized.get_ops():
        if node.get_type_name() == "FakeQuantize":
            limits = [node.input_value(number).get_node() for number in (1, 2)]
            if all(limit.get_type_name() == "Constant" for limit in limits):
                found[node.get_friendly_name()] = [one.data.ravel().tolist() for one in limits]
    return found


@pytest.mark.parametrize("batch", [1, 2])
def test_ranges_are_those_of_a_plain_list(sets, models, batch):
    """To the bit, from every store, one row a step and several."""
    model = models / f"{batch}.onnx"
    plain = nncf.Dataset(feeds(sets.rows, batch))
    advanced = nncf.AdvancedQuantizationParameters(batchwise_statistics=batch > 1)
    expected = ranges(model, plain, subset_size=6, advanced_parameters=advanced)
    assert len(expected) >= 4
    for kind in KINDS:
        calib = sets.open(kind)
        dataset = calib.nncf_dataset(model=model)
        options = calib.nncf_options(model=model)
        assert options == {"subset_size": 6 // batch}
        assert ranges(model, dataset, **options) == expected, kind
    halved = nncf.Dataset(feeds(sets.rows / 2, batch))
    assert ranges(model, halved, subset_size=6, advanced_parameters=advanced) != expected


def test_what_nncf_is_given_are_the_rows(sets, models):
    """All of them, also by number, as it asks for them."""
    for kind in KINDS:
        dataset = sets.open(kind).nncf_dataset()
        given = [item["images"] for item in dataset.get_inference_data()]
        np.testing.assert_array_equal(np.concatenate(given), sets.rows)
        chosen = [item["images"] for item in dataset.get_inference_data([1, 4])]
        np.testing.assert_array_equal(np.concatenate(chosen), sets.rows[[1, 4]])
        assert dataset.get_length() == 6


def test_the_silent_cap(sets, models):
    """Of more than ``subset_size`` items NNCF takes the first; its options are all."""
    model = models / "1.onnx"
    calib = sets.open("float32.npy")
    capped = ranges(model, calib.nncf_dataset(), subset_size=2)
    assert capped == ranges(model, nncf.Dataset(feeds(sets.rows[:2])), subset_size=2)
    assert capped != ranges(model, calib.nncf_dataset(), **calib.nncf_options())


def test_bytes_are_refused(sets):
    """NNCF would take them unscaled."""
    calib = sets.open("uint8.npy")
    with pytest.raises(InputError, match="integers=True"):
        calib.nncf_dataset(scale="0-255")
    given = next(iter(calib.nncf_dataset(scale="0-255", integers=True).get_inference_data()))
    assert given["images"].dtype == np.uint8
