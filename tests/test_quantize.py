"""What is checked of a quantization before ModelOpt runs."""

from __future__ import annotations

import pytest

import smallsets
from graphs import Input, write_graph
from streamcalib import build, live
from streamcalib.cli.telling_quantization import tell_quantized, tell_wanted
from streamcalib.errors import InputError
from streamcalib.quantize import Quantized, prepare_quantization

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


def test_what_is_told_of_few_rows(tmp_path, capsys):
    """No more rows are held than there are, and a list of which one is bad is not that of all."""
    pytest.importorskip("onnxruntime")
    side = smallsets.SIDE
    model = write_graph(tmp_path / "m.onnx", Input(shape=("N", 3, side, side)))
    paths = smallsets.make_images(tmp_path / "images", 3)
    paths[1].write_bytes(b"no image")
    rows = live(paths, recipe=smallsets.RECIPE, on_bad="skip")
    out = tmp_path / "q.onnx"
    wanted = prepare_quantization(model, rows, out, keywords={}, batch_size=2)
    tell_wanted(wanted)
    assert "6.1 kB of rows at a time, of 6.1 kB" in capsys.readouterr().out
    tell_quantized(wanted, Quantized(out, out, {"output": {}}, tmp_path / "list.txt"), 1.0)
    assert "list.txt is the list that was sampled, 2 of 3 used" in capsys.readouterr().out
