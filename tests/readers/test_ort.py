"""The options that keep ONNX Runtime's calibration flat."""

from __future__ import annotations

import pytest

from streamcalib.errors import InputError
from streamcalib.readers.ort import ort_options


def test_a_step_at_a_time():
    """By default the activations of one step are held."""
    assert ort_options(7) == {"CalibStridedMinMax": 1}


def test_the_callers_options_are_kept():
    """And theirs are not changed."""
    mine = {"ActivationSymmetric": True}
    assert ort_options(6, stride=3, extra_options=mine) == {
        "ActivationSymmetric": True,
        "CalibStridedMinMax": 3,
    }
    assert mine == {"ActivationSymmetric": True}
    assert ort_options(6, stride=3, extra_options={"CalibStridedMinMax": 3})


@pytest.mark.parametrize("stride", [0, -2, 4, 7])
def test_a_stride_divides_the_steps(stride):
    """ONNX Runtime refuses others after it has loaded the model."""
    with pytest.raises(InputError, match=r"does not divide the 6 steps"):
        ort_options(6, stride=stride)


def test_the_option_that_forgets_is_refused():
    """It is documented as harmless, and throws data away."""
    with pytest.raises(InputError, match="CalibMaxIntermediateOutputs"):
        ort_options(6, extra_options={"CalibMaxIntermediateOutputs": 100})


def test_two_strides_contradict():
    """Neither is taken silently."""
    with pytest.raises(InputError, match="leave one"):
        ort_options(6, stride=2, extra_options={"CalibStridedMinMax": 3})


def test_the_callers_stride_alone():
    """One that was left out contradicts nothing; it is held to the same rule."""
    assert ort_options(6, extra_options={"CalibStridedMinMax": 3}) == {"CalibStridedMinMax": 3}
    with pytest.raises(InputError, match=r"stride 5 does not divide the 6 steps"):
        ort_options(6, extra_options={"CalibStridedMinMax": 5})
    with pytest.raises(InputError, match="leave one"):
        ort_options(6, stride=1, extra_options={"CalibStridedMinMax": 3})
