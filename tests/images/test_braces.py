"""Ranges of shards in braces."""

from __future__ import annotations

import pytest

from messages import text_of
from streamcalib.errors import SourceError
from streamcalib.images.braces import expanded, has_range


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("s-{000..002}.tar", ["s-000.tar", "s-001.tar", "s-002.tar"]),
        ("s-{8..11}.tar", ["s-8.tar", "s-9.tar", "s-10.tar", "s-11.tar"]),
        ("s-{08..11}.tar", ["s-08.tar", "s-09.tar", "s-10.tar", "s-11.tar"]),
        ("s-{0..0}.tar", ["s-0.tar"]),
        ("{1..2}/{3..4}.tar", ["1/3.tar", "1/4.tar", "2/3.tar", "2/4.tar"]),
    ],
)
def test_ranges_are_filled_as_a_shell_does(text, names):
    """With zeros, if an end begins with one."""
    assert has_range(text)
    assert expanded(text) == names


@pytest.mark.parametrize("text", ["s.tar", "s-{a..b}.tar", "s-{1,2}.tar", "s-{1..}.tar", "{-1..2}"])
def test_other_braces_are_names(text):
    """They may stand in a file's name."""
    assert not has_range(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\x1b-{2..1}.tar", r"the range {2..1} of \x1b-{2..1}.tar runs backward."),
        ("{0..999}{0..999}.tar", "stands for 1,000,000 names, which is more than 100,000."),
        ("{0..999999999999999999}.tar", "more than 100,000"),
    ],
)
def test_what_cannot_be_is_told(text, says):
    """Before anything is made of it."""
    with pytest.raises(SourceError) as caught:
        expanded(text)
    assert says in text_of(caught.value)
