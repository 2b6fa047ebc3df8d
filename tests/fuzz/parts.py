"""A JPEG in pieces that can be moved about: its segments and the data of its scans."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from zoo import SOI

if TYPE_CHECKING:
    import random

DHT, DQT, DRI, SOS, EOI = 0xC4, 0xDB, 0xDD, 0xDA, 0xD9
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
RESTARTS = range(0xD0, 0xD8)
LOOSE = 0
"""Stands for the marker of what is no segment: a scan's data, or bytes that nobody can part."""

_STANDALONE = frozenset({0x01, 0xD8, EOI, *RESTARTS})
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xff]")


class Part(NamedTuple):
    """``data[start:end]``: a segment with its marker and length, or a `LOOSE` piece."""

    marker: int
    start: int
    end: int


def parts(data: bytes) -> list[Part]:
    """Return the pieces of a JPEG, broken or not, that together are all of it but its SOI."""
    found: list[Part] = []
    position = len(SOI)
    while position < len(data):
        part = _segment(data, position) or Part(LOOSE, position, _loose_end(data, position))
        found.append(part)
        position = part.end
    return found


def _segment(data: bytes, position: int) -> Part | None:
    marker = data[position + 1] if position + 1 < len(data) else 0
    if data[position] != 0xFF or marker in (0, 0xFF):
        return None
    if marker in _STANDALONE:
        # A restart marker is part of the scan around it.
        return None if marker in RESTARTS else Part(marker, position, position + 2)
    end = position + 2 + max(int.from_bytes(data[position + 2 : position + 4], "big"), 2)
    return Part(marker, position, end) if end <= len(data) else None


def _loose_end(data: bytes, position: int) -> int:
    following = _NEXT_MARKER.search(data, position + 1)
    return following.start() if following else len(data)


def with_marker(data: bytes, *markers: int) -> list[Part]:
    """Return the pieces with one of these markers."""
    return [part for part in parts(data) if part.marker in markers]


def joined(data: bytes, pieces: list[Part]) -> bytes:
    """Return the JPEG of these pieces of ``data``, in this order."""
    return data[: len(SOI)] + b"".join(data[part.start : part.end] for part in pieces)


def replaced(data: bytes, part: Part, new: bytes) -> bytes:
    """Return ``data`` with another piece in this one's place."""
    return data[: part.start] + new + data[part.end :]


def border(rng: random.Random, data: bytes) -> int:
    """Return a place between two pieces, or the end."""
    return rng.choice([part.start for part in parts(data)] + [len(data)])
