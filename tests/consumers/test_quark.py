"""AMD Quark itself, on sets that streamcalib built."""

from __future__ import annotations

import numpy as np
import pytest

from consumersets import KINDS, PlainReader, feeds, installed, make_sets, marks
from yolo_like import activation_scales, write_yolo_like

if installed("quark"):
    from quark.onnx import CachedDataReader, ModelQuantizer
    from quark.onnx.quantization.config import Config, get_default_config

pytestmark = [*marks("quark", "quark"), pytest.mark.filterwarnings("default")]

SIDE = 32


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder for the table that Quark writes where it stands."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return make_sets(tmp_path_factory.mktemp("quark"), 6, SIDE)


def test_scales_are_those_of_a_plain_list(sets, tmp_path):
    """To the bit, from every store."""
    model = write_yolo_like(tmp_path / "model.onnx", SIDE)

    def scales(reader) -> dict[str, float]:
        out = tmp_path / "quantized.onnx"
        quantizer = ModelQuantizer(Config(global_quant_config=get_default_config("A8W8")))
        quantizer.quantize_model(str(model), str(out), reader)
        return activation_scales(out)

    expected = scales(PlainReader(feeds(sets.rows)))
    assert len(expected) >= 3
    for kind in KINDS:
        assert scales(sets.open(kind).quark_reader()) == expected, kind
    assert scales(PlainReader(feeds(sets.rows / 2))) != expected


def test_its_list_of_mapped_rows_holds_no_copies(sets):
    """It keeps all steps, as they are given."""
    calib = sets.open("float32.npy")
    cached = CachedDataReader(calib.quark_reader())
    given = [step["images"] for step in iter(cached.get_next, None)]
    np.testing.assert_array_equal(np.concatenate(given), sets.rows)
    assert all(np.shares_memory(step, calib.array()) for step in given)
