"""What tells whether an image has changed, without reading it."""

from __future__ import annotations

import hashlib
from typing import NamedTuple


class Stamp(NamedTuple):
    """An image as it was when it was looked at.

    Attributes
    ----------
    bytes
        Its size.
    number
        A number that changes when its content does: a file's time of change, a zip member's
        CRC-32, a tar member's place and its archive's time of change, a hash of an object's ETag.
    changed_ns
        When it, or its archive, was last changed, in nanoseconds since 1970.
    """

    bytes: int
    number: int
    changed_ns: int


def stamp_of(text: str) -> int:
    """Return 63 bits that stand for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1
