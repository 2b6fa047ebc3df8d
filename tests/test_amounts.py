"""How many rows consumers want, and what they hold in memory."""

from __future__ import annotations

import pytest

from streamcalib.amounts import advice, load_bytes, too_few
from streamcalib.exporting.targets import TARGETS


@pytest.mark.parametrize(
    ("consumer", "minimum"),
    [("hailo", 1024), ("rknn", 20), ("onnx2tf", 10), ("nncf", 300), ("modelopt", 500)],
)
def test_a_vendors_advice(consumer, minimum):
    """Fewer are warned of, with who says so; as many are not."""
    assert advice(consumer).minimum == minimum
    assert too_few(consumer, minimum) is None
    assert too_few(consumer, minimum - 1) == (
        f"{minimum - 1:,} rows may be too few: {advice(consumer).words}."
    )


@pytest.mark.parametrize("consumer", ["qai-hub", "onnxruntime", "folder", "nobody"])
def test_where_nobody_names_a_number(consumer):
    """There is no warning, however few they are."""
    assert advice(consumer) == (0, "")
    assert too_few(consumer, 1) is None


def test_one_row_is_one():
    """The message counts."""
    assert str(too_few("rknn", 1)).startswith("1 row may")


@pytest.mark.parametrize(
    ("consumer", "loaded"),
    [
        ("modelopt", 1000),
        ("hailo", 1000),
        ("onnx2tf", 2000),
        ("ai-edge-quantizer", 1000),
        ("rknn", 10),
        ("nncf", 10),
        ("polygraphy", 10),
        ("folder", None),
        ("nobody", None),
    ],
)
def test_what_is_held(consumer, loaded):
    """All copies of 100 rows, or one row, or nobody knows."""
    assert load_bytes(consumer, 100, 10) == loaded


def test_nothing_is_held_of_nothing():
    """No rows, no bytes."""
    assert load_bytes("rknn", 0, 10) == load_bytes("modelopt", 0, 10) == 0


def test_every_tool_that_is_served_is_known():
    """But for those that are none."""
    unknown = {target for target in TARGETS if load_bytes(target, 1, 1) is None}
    assert unknown == {"folder", "raw", "mlperf"}
