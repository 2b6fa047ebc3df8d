"""ONNX Runtime's own static quantization, on sets that streamcalib built."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from consumersets import KINDS, PlainReader, feeds, installed, make_sets, marks
from streamcalib.errors import InputError
from yolo_like import activation_scales, write_yolo_like

if installed("onnxruntime"):
    from onnxruntime import quantization

pytestmark = marks("onnxruntime", "onnxruntime")
SIDE = 32
METHODS = ("MinMax", "Entropy", "Percentile")


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return make_sets(tmp_path_factory.mktemp("ort"), 6, SIDE)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    return write_yolo_like(folder / "model.onnx", SIDE, batch="batch")


def scales(model: Path, reader, method: str = "MinMax", **options) -> dict[str, float]:
    """Quantize, and return the activations' scales."""
    out = model.with_name("quantized.onnx")
    quantization.quantize_static(
        model,
        out,
        reader,
        calibrate_method=quantization.CalibrationMethod[method],
        extra_options=options,
    )
    return activation_scales(out)


@pytest.mark.parametrize("method", METHODS)
def test_scales_are_those_of_a_plain_list(sets, model, method):
    """To the bit, from every store, all at once or in strides that hold a step at a time."""
    strides = {"CalibStridedMinMax": 1}
    in_strides = scales(model, PlainReader(feeds(sets.rows)), method, **strides)
    assert len(in_strides) >= 4
    for kind in KINDS:
        calib = sets.open(kind)
        assert scales(model, calib.ort_reader(), method, **calib.ort_options()) == in_strides, kind
    at_once = scales(model, PlainReader(feeds(sets.rows)), method)
    assert scales(model, sets.open("uint8.npy").ort_reader(), method) == at_once
    # Minima and maxima merge without a trace; histograms grow bin by bin, and end a little off.
    assert (at_once == in_strides) is (method == "MinMax")
    assert at_once == pytest.approx(in_strides, rel=0.1)


def test_other_rows_give_other_scales(sets, model):
    """So the comparisons can fail."""
    halved = scales(model, PlainReader(feeds(sets.rows * 0.5)))
    assert scales(model, sets.open("float32.npy").ort_reader()) != halved


@pytest.mark.parametrize("method", ["MinMax", "Percentile"])
def test_steps_of_several_rows(sets, model, method):
    """Batches and strides, as a plain list of batches would give them."""
    plain = PlainReader(feeds(sets.rows, 2))
    expected = scales(model, plain, method, CalibStridedMinMax=3)
    for kind in ("float32.npy", "canvases.zarr"):
        calib = sets.open(kind)
        reader = calib.ort_reader(model=model, batch_size=2)
        options = calib.ort_options(batch_size=2, stride=3)
        assert scales(model, reader, method, **options) == expected, kind


def test_a_deep_copy_carries_no_rows(sets):
    """SmoothQuant copies its reader; ours says where its rows are, and a mapped array is loaded."""
    calib = sets.open("float32.npy")
    copied = copy.deepcopy(calib.ort_reader())
    given = [step["images"] for step in iter(copied.get_next, None)]
    np.testing.assert_array_equal(np.concatenate(given), sets.rows)
    copied.rewind()
    assert is_mapped(copied.get_next()["images"])
    plain = PlainReader([{"images": row[None]} for row in calib.array()])
    assert is_mapped(plain.feeds[0]["images"])
    assert not is_mapped(copy.deepcopy(plain).feeds[0]["images"])


def is_mapped(array: np.ndarray) -> bool:
    """Whether an array's bytes lie in a mapped file."""
    address = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, *_, name = line.split(maxsplit=5)
        start, stop = (int(part, 16) for part in span.split("-"))
        if start <= address < stop:
            return name.endswith(".npy")
    return False


def test_a_remainder_is_decided_by_the_caller(sets, model):
    """Entropy ends in numpy's words where the last step is short; here it is refused before."""
    with pytest.raises(ValueError, match="inhomogeneous"):
        scales(model, PlainReader(feeds(sets.rows, 4)), "Entropy")
    calib = sets.open("float32.npy")
    with pytest.raises(InputError, match="batch_size 4 does not divide the 6 rows"):
        calib.ort_reader(batch_size=4)
    for remainder, rows in (
        ("drop", sets.rows[:4]),
        ("pad", np.resize(sets.rows, (8, 3, SIDE, SIDE))),
    ):
        plain = PlainReader(feeds(rows, 4))
        expected = scales(model, plain, "Entropy", CalibStridedMinMax=1)
        reader = calib.ort_reader(batch_size=4, remainder=remainder)
        options = calib.ort_options(batch_size=4, remainder=remainder)
        assert scales(model, reader, "Entropy", **options) == expected, remainder


def test_a_set_that_is_shorter_than_a_batch(sets, tmp_path):
    """A graph that fixes more rows than there are is refused before the first inference."""
    model = write_yolo_like(tmp_path / "fixed.onnx", SIDE, batch=8)
    calib = sets.open("canvases.zarr")
    with pytest.raises(InputError, match="batch_size 8"):
        calib.ort_reader(model=model, remainder="drop")
    reader = calib.ort_reader(model=model, remainder="pad")
    options = calib.ort_options(batch_size=8, remainder="pad")
    assert scales(model, reader, **options)


def test_the_option_that_forgets(sets, model):
    """What ONNX Runtime does with it is why it is refused."""
    rows = [{"images": row[None] * (6 - number)} for number, row in enumerate(sets.rows)]
    expected = scales(model, PlainReader(rows))
    assert scales(model, PlainReader(rows), CalibMaxIntermediateOutputs=4) != expected
    with pytest.raises(InputError, match="CalibStridedMinMax"):
        sets.open("float32.npy").ort_options(extra_options={"CalibMaxIntermediateOutputs": 4})


@pytest.mark.slow
def test_memory_does_not_grow_with_the_set(tmp_path):
    """Entropy takes as much over 40 rows as over 10, where the plain reader takes 30 rows more."""
    side = 320
    model = write_yolo_like(tmp_path / "model.onnx", side)
    runs = [("streamed", "canvases.zarr"), ("plain", "float32.npy")]
    peaks: dict[tuple[str, str, int], int] = {}
    for rows in (10, 40):
        sets = make_sets(tmp_path / str(rows), rows, side)
        for kind, name in runs:
            data = sets.folder / name
            peaks[kind, name, rows] = peak(kind, model, data, tmp_path / "q.onnx")
    grown = [peaks[*one, 40] - peaks[*one, 10] for one in runs]
    assert grown[0] < 20e6, peaks
    assert grown[1] > 40e6, peaks


def peak(*arguments: object) -> int:
    """Quantize in a process of its own; return its peak of anonymous bytes."""
    script = Path(__file__).with_name("onnxruntime_memory.py")
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-1])
