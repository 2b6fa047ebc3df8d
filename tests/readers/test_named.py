"""What readers by name take, and the graph that a set was built for."""

from __future__ import annotations

import pytest

import smallsets
from graphs import FLOAT16, Input, write_graph
from messages import text_of
from streamcalib import CalibrationSet, build
from streamcalib.errors import InputError, ModelError

OPEN = Input(shape=("b", 3, 16, 16))
FIXED = Input(shape=(3, 3, 16, 16))


@pytest.fixture
def model(tmp_path):
    """Where a set's own model lies."""
    return write_graph(tmp_path / "own.onnx", OPEN)


@pytest.fixture
def calibration(tmp_path, model) -> CalibrationSet:
    paths = smallsets.make_images(tmp_path / "images", 6)
    recipe = smallsets.RECIPE
    return build(paths, tmp_path / "calib.npy", recipe=recipe, model=model, jobs=1)


def test_the_sets_own_model_is_asked(calibration, model):
    """It fixes the batch, and refuses rows that no longer fit it."""
    assert calibration.reader().batch_size == 1
    write_graph(model, FIXED)
    assert calibration.reader().batch_size == 3
    assert len(calibration.modelopt_reader()) == 2
    with pytest.raises(ModelError) as caught:
        calibration.reader(batch_size=2)
    message = text_of(caught.value, lines=2)
    assert "fixed at 3" in message
    assert "model=False" in message
    write_graph(model, Input(shape=(1, 3, 16, 16), dtype=FLOAT16))
    with pytest.raises(ModelError, match="takes float16"):
        calibration.ort_reader()


@pytest.mark.parametrize(
    "asked",
    [
        {"model": False},
        {"input_name": "other"},
        {"layout": "NHWC"},
        {"scale": "0-255"},
        {"dtype": "float16"},
    ],
)
def test_the_sets_own_model_is_not_asked(calibration, model, asked):
    """Where it is not wanted, or the rows are for something else."""
    write_graph(model, Input(shape=(4, 3, 32, 32)))
    assert calibration.reader(**asked).batch_size == 1


def test_another_model_goes_before_the_sets_own(calibration, model, tmp_path):
    """It alone is asked."""
    write_graph(model, Input(shape=(4, 3, 32, 32)))
    other = write_graph(tmp_path / "other.onnx", FIXED)
    assert calibration.reader(model=other).batch_size == 3


def test_a_model_that_is_gone_is_missed_by_nobody(calibration, model):
    """Sets are read where their models never were."""
    model.unlink()
    assert calibration.reader().batch_size == 1
    model.mkdir()
    assert calibration.reader().batch_size == 1


def test_without_onnx_the_sets_own_model_is_not_asked(calibration, tmp_path):
    """Nobody named it, so nothing is missing."""
    program = (
        "import sys; sys.modules['onnx'] = None; import streamcalib;"
        "print(streamcalib.CalibrationSet.open(sys.argv[1]).reader().batch_size)"
    )
    done = smallsets.run(calibration.path, cwd=tmp_path, program=program)
    assert (done.code, done.out) == (0, "1\n"), done.err


def test_options_count_the_steps_of_their_readers(calibration, tmp_path):
    """They are asked in the same way, and a batch that a graph fixes is theirs, too."""
    fixed = write_graph(tmp_path / "fixed.onnx", FIXED)
    assert calibration.ort_options(model=fixed, stride=2) == {"CalibStridedMinMax": 2}
    with pytest.raises(InputError, match=r"stride 3 does not divide the 2 steps"):
        calibration.ort_options(model=fixed, stride=3)
    assert calibration.ort_options(stride=3) == {"CalibStridedMinMax": 3}
    assert calibration.ort_options("images", batch_size=4, remainder="pad", stride=2)
    assert calibration.nncf_options(model=fixed) == {"subset_size": 2}
    asked = {"scale": "0-255", "integers": True, "batch_size": 2}
    assert calibration.nncf_options("images", **asked) == {"subset_size": 3}
