"""Sizes as users and graphs state them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs import Input, ultralytics, write_graph
from messages import text_of
from streamcalib.errors import RecipeError
from streamcalib.graph import read_image_input
from streamcalib.imgsz import MAX_SIDE, agreed_size, parse_imgsz

sides = st.integers(1, MAX_SIDE)


@given(sides, sides, st.sampled_from("xX,"), st.sampled_from(["", " ", "\n"]))
def test_every_way_to_say_a_size_means_the_same(height, width, separator, space):
    """A side, ``HxW``, and pairs of numbers: height first, plain integers out."""
    written = f"{space}{height}{separator}{width}{space}"
    forms = [written, (height, width), [height, width], (np.int64(height), np.int32(width))]
    for form in forms:
        found = parse_imgsz(form)
        assert found == (height, width)
        assert [type(side) for side in found] == [int, int]
    for form in (height, str(height), f" {height} ", np.int64(height)):
        assert parse_imgsz(form) == (height, height)


@pytest.mark.parametrize(
    "imgsz",
    [
        *("", "x", "640x", "x640", "640x640x3", "640 x 640", "640px", "-640", "6.4e2", "640.0"),
        *("0", "640x0", "32769", "99999999999", "640*640"),
        *(0, -1, MAX_SIDE + 1, 640.0, True, None, np.float32(640), b"640"),
        *((640,), (640, 640, 3), (640, 0), (640.0, 640.0), ("640", "640"), (True, True), {}, ()),
    ],
)
def test_anything_else_is_refused(imgsz):
    """The message names the option and what was given."""
    with pytest.raises(RecipeError) as caught:
        parse_imgsz(imgsz)
    message = text_of(caught.value)
    assert "--imgsz must be" in message
    assert repr(imgsz) in message


@given(st.text())
def test_no_text_does_worse_than_being_refused(text):
    """Whatever is typed is a size in range or a `RecipeError`, fit to be shown."""
    try:
        height, width = parse_imgsz(text)
    except RecipeError as error:
        text_of(error)
    else:
        assert 1 <= min(height, width) <= max(height, width) <= MAX_SIDE


@pytest.mark.parametrize(
    ("shape", "hint", "asked", "agreed"),
    [
        ((1, 3, 320, 480), None, None, (320, 480)),
        ((1, 3, 320, 480), None, "320x480", (320, 480)),
        ((1, 3, 320, 480), "[640, 640]", None, (320, 480)),
        ((1, 3, "h", "w"), "[320, 480]", None, (320, 480)),
        ((1, 3, "h", "w"), "[320, 480]", 640, (640, 640)),
        ((1, 3, "h", "w"), None, (320, 480), (320, 480)),
        ((1, 3, 320, "w"), None, (320, 480), (320, 480)),
        ((1, 3, "h", 480), "[320, 999]", None, (320, 480)),
        ((1, 320, 480, 3), None, None, (320, 480)),
    ],
)
def test_the_graph_comes_first_then_the_user_then_the_metadata(
    tmp_path, shape, hint, asked, agreed
):
    """Fixed sides are the graph's; open ones are what is asked for, else Ultralytics' hint."""
    metadata = ultralytics(imgsz=hint) if hint else {}
    path = write_graph(tmp_path / "m.onnx", Input(shape=shape), metadata=metadata)
    assert agreed_size(read_image_input(path), asked) == agreed


@pytest.mark.parametrize(
    ("shape", "asked", "taken"),
    [
        ((1, 3, 640, 640), 320, "640x640"),
        ((1, 3, 640, 640), "640x320", "640x640"),
        ((1, 3, 640, "w"), 320, "640x320"),
        ((1, 640, 640, 3), 320, "640x640"),
    ],
)
def test_a_contradiction_shows_both_sizes(tmp_path, shape, asked, taken):
    """What was asked for and what the graph takes stand in one message, with the mend."""
    path = write_graph(tmp_path / "m\x1b.onnx", Input("im\x1bages", shape))
    with pytest.raises(RecipeError) as caught:
        agreed_size(read_image_input(path), asked)
    message = text_of(caught.value)
    height, width = parse_imgsz(asked)
    assert message.startswith(rf"--imgsz says {height}x{width}, but input 'im\x1bages' of ")
    assert rf"m\x1b.onnx takes {taken}: leave --imgsz out" in message


@pytest.mark.parametrize("shape", [(1, 3, "h", "w"), (1, 3, 640, "w"), (1, 3, None, 640)])
def test_an_open_size_that_nobody_says_is_asked_for(tmp_path, shape):
    """The message shows the graph's shape and the option to use."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=shape))
    with pytest.raises(RecipeError) as caught:
        agreed_size(read_image_input(path), None)
    message = text_of(caught.value)
    assert f"({'x'.join(str(n or '?') for n in shape)})" in message
    assert "--imgsz 640" in message
