"""Games with markers: segments, scans and restarts taken out, repeated, exchanged, put in."""

from __future__ import annotations

import random
import re
import struct

from fuzz.parts import DRI, LOOSE, SOS, Part, border, joined, parts
from zoo import EOI, SOI, insert, profile, segment

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")


def segment_gone(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Take a piece out."""
    pieces = parts(data)
    del pieces[rng.randrange(len(pieces))]
    return joined(data, pieces)


def segment_twice(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Repeat a piece, in its place or anywhere."""
    pieces = parts(data)
    number = rng.randrange(len(pieces))
    target = rng.choice((number, rng.randrange(len(pieces) + 1)))
    pieces.insert(target, pieces[number])
    return joined(data, pieces)


def segments_swapped(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Exchange two pieces, or move one."""
    pieces = parts(data)
    one, two = (rng.randrange(len(pieces)) for _ in range(2))
    if rng.random() < 0.5:
        pieces[one], pieces[two] = pieces[two], pieces[one]
    else:
        pieces.insert(two, pieces.pop(one))
    return joined(data, pieces)


def segment_put_in(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Put a marker with or without a segment between two pieces."""
    return insert(data, border(rng, data), _some_marker(rng, other))


def marker_in_scan(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Put a marker with or without a segment into the data of a scan."""
    scans = [part for part in parts(data) if part.marker == LOOSE]
    if not scans:
        return segment_put_in(rng, data, other)
    scan = rng.choice(scans)
    return insert(data, rng.randrange(scan.start, scan.end + 1), _some_marker(rng, other))


def _some_marker(rng: random.Random, other: bytes) -> bytes:
    body = rng.randbytes(rng.choice((0, 1, 5, 14, 60)))
    height = struct.pack(">H", rng.choice((0, 1, 16, 33, 40, 500, 65535)))
    return rng.choice(
        (
            bytes([0xFF, rng.randrange(0xD0, 0xD8)]),
            EOI,
            SOI,
            b"\xff\x01",
            b"\xff\x00",
            b"\xff" * rng.choice((1, 2, 9)),
            bytes([0xFF, rng.randrange(256)]),
            segment(rng.randrange(0xE0, 0xF0), body),
            segment(rng.randrange(0xE0, 0xF0), body)[: rng.randrange(2, 6)],
            segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([rng.choice((0, 1, 2, 7))])),
            segment(0xE0, b"JFIF\0" + bytes([rng.choice((0, 1, 2, 9))]) + b"\1\0\0\1\0\1\0\0"),
            profile(rng.choice((0, 1, 2, 255)), rng.choice((0, 1, 2, 255))),
            segment(0xFE, body),
            segment(0xDC, height),
            segment(DRI, struct.pack(">H", rng.choice((0, 1, 2, 7, 65535)))),
            segment(0xCC, bytes([rng.choice((0x00, 0x11)), rng.randrange(256)])),
            segment(rng.choice((0x02, 0x4F, 0xC8, 0xDE, 0xDF, 0xF0, 0xF7, 0xFD)), body),
            joined(other, [rng.choice(parts(other))])[2:],
        )
    )


def restarts(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Take a restart marker out, repeat, renumber or move one, or claim another interval."""
    scans = [part for part in parts(data) if part.marker == LOOSE]
    found = [match for scan in scans for match in _RESTART.finditer(data, scan.start, scan.end)]
    if not found:
        return _with_interval(rng, data)
    start, end = rng.choice(found).span()
    number = rng.randrange(0xD0, 0xD8)
    match rng.randrange(6):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return insert(data, start, data[start:end])
        case 2:
            return data[: start + 1] + bytes([number]) + data[end:]
        case 3:
            place = start + rng.choice((-9, -2, -1, 1, 2, 9))
            return insert(data[:start] + data[end:], place, data[start:end])
        case 4:
            first, last = sorted((start, rng.choice(found).start()))
            return data[:first] + data[last:]
        case _:
            return _with_interval(rng, data)


def _with_interval(rng: random.Random, data: bytes) -> bytes:
    interval = segment(DRI, struct.pack(">H", rng.choice((0, 1, 2, 3, 4, 8, 100))))
    pieces = parts(data)
    places = [part.start for part in pieces if part.marker == SOS] or [len(data)]
    return insert(data, rng.choice(places), interval)


def scans(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Take a scan with its header out, repeat it, or exchange two."""
    pieces = parts(data)
    heads = [i for i, part in enumerate(pieces[:-1]) if part.marker == SOS]
    if not heads:
        return data
    one, two = rng.choice(heads), rng.choice(heads)
    match rng.randrange(4):
        case 0:
            del pieces[one : one + 2]
        case 1:
            pieces[two:two] = pieces[one : one + 2]
        case 2:
            _exchange(pieces, one, two)
        case _:
            # Everything from one scan on, but for the end.
            del pieces[one:-1]
    return joined(data, pieces)


def _exchange(pieces: list[Part], one: int, two: int) -> None:
    first, second = pieces[one : one + 2], pieces[two : two + 2]
    pieces[one : one + 2], pieces[two : two + 2] = second, first
