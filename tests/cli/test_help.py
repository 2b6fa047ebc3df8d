"""What ``--help`` says of options that commands share by name and not by meaning."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("command", "says", "says_not"),
    [
        ("report", "Decides which rows are shown", "Seed of the choice"),
        ("report", "Replace another page", "Replace what another command built"),
        ("compare", "Decides the images of --pool-size, the random draws", "Seed of the choice"),
        ("compare", "ONNX model whose activations sets and pool are compared by", "model to fit"),
        ("sample", "ONNX model whose activations decide", "model to fit"),
        ("sample", "Choose, and print the choice; write no list", "Print the plan"),
        ("sample", "Replace another list, or another file", "Replace what another command built"),
        ("sample", "stratified, images that show each class as often as all do", "for .npz"),
        ("compare", "A further input of the model: one row's value", "for .npz"),
        ("build", "A further input of the model, for .npz: one row's", "input of the model: one"),
        ("sample", "Print nothing but errors, and what --dry-run is to print.", "errors. "),
        ("report", "Print nothing but errors, and what --dry-run is to print.", "errors. "),
        ("compare", "Print nothing but errors, and what --json - is to print.", "errors. "),
        ("info", "Print nothing but errors.", "--dry-run"),
        ("build", "ONNX model to fit", "activations"),
    ],
)
def test_a_shared_option_says_what_it_does_here(told, command, says, says_not):
    """Each command has its own text."""
    text = " ".join(told(command, "--help").out.split())
    assert says in text
    assert says_not not in text
