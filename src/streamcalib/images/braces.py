"""Names of many shards in one: ``shards-{000000..000099}.tar``, as WebDataset writes them."""

from __future__ import annotations

import re
from itertools import product

from streamcalib.errors import SourceError
from streamcalib.wording import printable

_RANGE = re.compile(r"\{(\d{1,18})\.\.(\d{1,18})\}")
_MOST_NAMES = 100_000


def has_range(text: str) -> bool:
    """Whether a text has a range of numbers in braces."""
    return _RANGE.search(text) is not None


def expanded(text: str) -> list[str]:
    """Return every name that a text with ranges stands for, the last range counting fastest.

    Numbers are filled with zeros to the width of the longer end, as a shell does it.

    Raises
    ------
    SourceError
        If a range runs backward, or there are more than 100,000 names.
    """
    pieces = _RANGE.split(text)
    fixed, firsts, lasts = pieces[::3], pieces[1::3], pieces[2::3]
    count = 1
    for first, last in zip(firsts, lasts, strict=True):
        if int(first) > int(last):
            raise SourceError(f"the range {{{first}..{last}}} of {printable(text)} runs backward.")
        count *= int(last) - int(first) + 1
    if count > _MOST_NAMES:
        raise SourceError(
            f"{printable(text)} stands for {count:,} names, which is more than {_MOST_NAMES:,}."
        )
    names = []
    for numbers in product(*map(_numbers, firsts, lasts)):
        parts = zip(fixed, (*numbers, ""), strict=True)
        names.append("".join(piece + number for piece, number in parts))
    return names


def _numbers(first: str, last: str) -> list[str]:
    is_padded = first.startswith("0") or last.startswith("0")
    width = max(len(first), len(last)) if is_padded else 0
    return [str(number).zfill(width) for number in range(int(first), int(last) + 1)]
