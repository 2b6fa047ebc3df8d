"""How names and sizes are put to people."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.wording import in_units, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("train2017/ü 写真.jpg", "train2017/ü 写真.jpg"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31mred", r"\x1b[31mred"),
        (os.fsdecode(b"\xff.jpg"), r"\udcff.jpg"),
        ("a\u2028b\u202e\x85", r"a\u2028b\u202e\x85"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text, shown):
    """Letters of any script stay; control characters and undecodable bytes are spelled out."""
    assert printable(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_every_name_can_be_shown(text):
    """Nothing is left that a terminal would obey or an encoder refuse."""
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (491_520_000, "491.5 MB"),
        (2_457_600_000, "2.5 GB"),
        (999_999_999_999, "1.0 TB"),
        (5_000_000_000_000_000, "5000.0 TB"),
    ],
)
def test_sizes_are_decimal_and_short(size, shown):
    """Units are powers of 1000, and no number reads 1000 in a unit that has a next."""
    assert in_units(size) == shown
