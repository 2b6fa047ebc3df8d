"""Further inputs of a model, the same for every row."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from messages import text_of
from streamcalib.errors import InputError
from streamcalib.extra_inputs import ExtraInput

DTYPES = ["float32", "float16", "float64", "int64", "int32", "int8", "uint8", "bool"]


@pytest.mark.parametrize(
    ("text", "name", "row"),
    [
        ("orig_size=640,640:int64", "orig_size", np.array([640, 640], np.int64)),
        ("orig_size=640, 640:int32", "orig_size", np.array([640, 640], np.int32)),
        ("scale=1:float32", "scale", np.float32(1)),
        ("scale=0.1:float16", "scale", np.float16(0.1)),
        ("n=-128:int8", "n", np.int8(-128)),
        ("n=255:uint8", "n", np.uint8(255)),
        ("n=9007199254740993:int64", "n", np.int64(9007199254740993)),
        ("flag=true:bool", "flag", np.bool_(True)),
        ("flag=1,0:bool", "flag", np.array([True, False])),
        ("one=[7]:int64", "one", np.array([7], np.int64)),
        ("m=[[1,0],[0,1]]:float64", "m", np.eye(2)),
        ("m= [1, 2]:int64", "m", np.array([1, 2], np.int64)),
        ("whole=640.0:int64", "whole", np.int64(640)),
        ("serving:0=1:float32", "serving:0", np.float32(1)),
        ("limit=Infinity:float32", "limit", np.float32("inf")),
    ],
)
def test_values_are_read(text, name, row):
    """A number, numbers with commas, or a JSON array, in the dtype said at the end."""
    extra = ExtraInput.parse(text)
    rows = extra.repeated(3)
    assert extra.name == name
    assert (rows.dtype, rows.shape) == (row.dtype, (3, *row.shape))
    assert all(np.array_equal(each, row) for each in rows)


@pytest.mark.parametrize(
    "text",
    ["", "orig_size", "orig_size=640", "=1:int64", "a=:int64", "640:int64", "a=1:", "a:int64=1"],
)
def test_another_form_is_refused(text):
    """The message shows what was given and an example."""
    with pytest.raises(InputError) as caught:
        ExtraInput.parse(text)
    assert f"{text!r} is not NAME=VALUES:DTYPE, like orig_size=" in text_of(caught.value)


@pytest.mark.parametrize("dtype", ["float", "int16", "str", "object", "O", "float128"])
def test_another_dtype_is_refused(dtype):
    """The message names the dtype and lists those there are."""
    with pytest.raises(InputError) as caught:
        ExtraInput.parse(f"a=1:{dtype}")
    message = text_of(caught.value)
    assert f"dtype {dtype} is none of float32, float16" in message


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ("-1", "uint8"),
        ("256", "uint8"),
        ("128", "int8"),
        ("2147483648", "int32"),
        ("9223372036854775808", "int64"),
        ("1" + "0" * 30, "int64"),
        ("1" + "0" * 30, "float32"),
        ("1.5", "int64"),
        ("NaN", "int64"),
        ("Infinity", "int32"),
        ("1e300", "int64"),
        ("2", "bool"),
        ("65520", "float16"),
        ("1e39", "float32"),
        ("1e400,1e39", "float32"),
        ("[]", "int64"),
        ("[[]]", "float32"),
        ("[[1],[1,2]]", "int64"),
        ('"a"', "float32"),
        ('["1"]', "int64"),
        ("null", "float32"),
        ("{}", "float32"),
        ("640x640", "int64"),
        ("1,,2", "int64"),
        ("__import__('os')", "int64"),
    ],
)
def test_values_that_do_not_fit_are_refused(values, dtype):
    """What would be cut, wrapped, made infinite, or is no number, names values and dtype."""
    with pytest.raises(InputError) as caught:
        ExtraInput.parse(f"size={values}:{dtype}")
    message = text_of(caught.value)
    assert f"{values} are no values of dtype {dtype}" in message


@pytest.mark.parametrize(
    "text", ["a\x1b=1", "a=\x1b[31m:int64", "a\x1b=\x1b:int64", "\x1b=1:int99", "a=1\n:int64"]
)
def test_messages_can_be_shown(text):
    """Control characters of a command line come back escaped."""
    with pytest.raises(InputError) as caught:
        ExtraInput.parse(text)
    text_of(caught.value)


@given(st.sampled_from(DTYPES), st.data())
def test_every_row_of_a_dtype_can_be_said(dtype, data):
    """Whatever array of a dtype is written as JSON is read back, element for element."""
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=3))
    finite = {"allow_nan": False} if dtype.startswith("float") else {}
    row = data.draw(hnp.arrays(dtype, shape, elements=finite or None))
    extra = ExtraInput.parse(f"x={json.dumps(row.tolist())}:{dtype}")
    assert np.array_equal(extra.repeated(2), np.stack([row, row]))
    assert ExtraInput(extra.name, json.loads(json.dumps(extra.value)), extra.dtype) == extra


@pytest.mark.parametrize("rows", [0, 1, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("text", ["a=3:float32", "a=1,2:int64", "a=[[1,2],[3,4]]:uint8"])
def test_parts_add_up_to_all_rows(rows, text):
    """All rows come in contiguous parts, of which none holds more than is read at a time."""
    extra = ExtraInput.parse(text)
    parts = list(extra.parts(rows))
    assert all(part.flags.c_contiguous and 0 < len(part) <= 1024 for part in parts)
    whole = np.concatenate([extra.repeated(0), *parts])
    assert np.array_equal(whole, extra.repeated(rows))
    assert whole.shape == extra.shape(rows)


def test_repeated_rows_take_no_memory():
    """A million rows are a view of one, and cannot be written to."""
    rows = ExtraInput.parse("a=1,2:int64").repeated(1_000_000)
    assert rows.strides[0] == 0
    assert not rows.flags.writeable


@pytest.mark.parametrize("value", [math.nan, [0.5, math.nan], [[math.nan]]])
def test_what_is_no_number_is_refused(value):
    """It makes every scale none; infinity is a mask's."""
    with pytest.raises(InputError, match="no values of dtype"):
        ExtraInput("mask", value, "float32").check()
    ExtraInput("mask", -math.inf, "float32").check()
