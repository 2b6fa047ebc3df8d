"""``quantize`` as far as it goes without ModelOpt: usage, and what is refused before."""

from __future__ import annotations

import pytest

import smallsets
from graphs import Input, write_graph

SIDE = smallsets.SIDE


@pytest.fixture
def model(tmp_path):
    """A graph of the size of small sets."""
    return write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, SIDE, SIDE)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say one of --calibration SET, --images SOURCE and --list FILE"),
        (("--list", "list.txt", "--images", "images"), "say one of"),
        (("--calibration", "c.npy", "--count", 3), "--count is not for --calibration"),
        (("--calibration", "c.npy", "--on-bad", "skip"), "--on-bad is not for --calibration"),
        (("--calibration", "c.npy", "--jobs", 2), "--jobs is not for --calibration"),
        (("--images", "images", "--root", "."), "--root is not for --images"),
        (("--list", "list.txt", "--seed", 1), "--seed is not for --list"),
        (("--list", "list.txt", "--calibration_method", "max"), "go behind --, like"),
        (("--list", "list.txt", "--batch-size", 0), "--batch-size"),
    ],
)
def test_wrong_usage(told, images, model, arguments, said):
    """Refused in one message with exit code 2, before anything is read or written."""
    outcome = told("quantize", model, "--out", "q.onnx", *arguments)
    assert outcome.code == 2
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_models_and_outputs(told, images, model, tmp_path):
    """A model that is none, or an output that is there, is told before images are looked at."""
    (tmp_path / "there.onnx").touch()
    outcome = told("quantize", model, "--out", "there.onnx", "--list", "list.txt")
    assert (outcome.code, "--overwrite" in outcome.err) == (2, True)
    outcome = told("quantize", "none.onnx", "--out", "q.onnx", "--list", "list.txt")
    assert (outcome.code, "none.onnx" in outcome.err) == (2, True)
    # Sampling would say that there are 6.
    asked = ("--images", "images", "--count", 99)
    for out, said in (("q.bin", "must end in .onnx"), ("no/q.onnx", "is not there")):
        outcome = told("quantize", model, "--out", out, *asked)
        assert (outcome.code, said in outcome.err) == (2, True)
    outcome = told("quantize", images[0], "--out", "q.onnx", "--list", "list.txt")
    assert outcome.code == 2


def test_without_the_extra(images, model, tmp_path):
    """Where ModelOpt is not installed, the message says what to install, and nothing is written."""
    before = sorted(tmp_path.iterdir())
    outcome = smallsets.run(
        *("quantize", model, "--list", "list.txt", "--out", "q.onnx"),
        cwd=tmp_path,
        program="import sys; sys.modules['modelopt'] = None\n" + smallsets.PROGRAM,
    )
    assert outcome.code == 2
    assert 'pip install "streamcalib[modelopt]"' in outcome.err
    assert sorted(tmp_path.iterdir()) == before
