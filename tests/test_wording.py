"""How names and sizes are put to people."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.wording import in_markdown, in_units, printable, without_option


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
    ("text", "shown"),
    [
        ("train_2017/a (1) [x].jpg", "train_2017/a (1) [x].jpg"),
        ("a|b`c`<b>&amp;", "a&#124;b&#96;c&#96;&#60;b&#62;&#38;amp;"),
        ("[a](http://b)", "[a&#93;(http://b)"),
        ("# a", "&#35; a"),
        ("-x", "&#45;x"),
        ("10. a", "&#49;&#48;. a"),
        ("10.jpg", "10.jpg"),
        ("a\n# b", r"a\n# b"),
        ("~~~", "&#126;~~"),
    ],
)
def test_what_markdown_would_obey_is_an_entity(text, shown):
    """Ordinary names stay as they are."""
    assert in_markdown(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_in_markdown_ends_a_cell(text):
    """No bar, code span, tag or control character is left."""
    assert in_markdown(text).isprintable()
    assert not set("|<>`") & set(in_markdown(text))


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("too large (--max-pixels)", "too large"),
        ("no such file (sought as a)", "no such file (sought as a)"),
        ("--max-file-size", "--max-file-size"),
    ],
)
def test_a_reason_can_do_without_its_option(reason, shown):
    """Only what stands in brackets at its end goes."""
    assert without_option(reason) == shown


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
