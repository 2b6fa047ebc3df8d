"""Edits of what a JPEG's header says: sizes, sampling, tables, lengths."""

from __future__ import annotations

import random
import struct

from fuzz.parts import DHT, DQT, FRAMES, LOOSE, SOS, parts, replaced, with_marker
from zoo import patch, segment

_SIZES = (0, 1, 2, 7, 8, 9, 15, 16, 17, 33, 64, 100, 255, 256, 1000, 2000, 4000, 65500, 65535)
_COUNTS = (0, 1, 2, 3, 4, 5, 255)


def size(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Claim another height, width or both."""
    for frame in with_marker(data, *FRAMES)[:1]:
        place = frame.start + 5
        sides = struct.unpack(">HH", data[place : place + 4].ljust(4, b"\0"))
        new = [_side(rng, side) if rng.random() < 0.7 else side for side in sides]
        data = patch(data, place, struct.pack(">HH", *rng.choice((new, sides[::-1], new))))
    return data


def huge(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Claim a size that is far over any limit of pixels that a fuzzer sets."""
    for frame in with_marker(data, *FRAMES)[:1]:
        sides = [rng.choice((65535, 65500, rng.randrange(3000, 65536))) for _ in range(2)]
        data = patch(data, frame.start + 5, struct.pack(">HH", *sides))
    return data


def _side(rng: random.Random, side: int) -> int:
    if rng.random() < 0.5:
        return (side + rng.choice((-8, -1, 1, 8, 16))) & 0xFFFF
    return rng.choice((*_SIZES, rng.randrange(1 << rng.randrange(1, 17))))


def sampling(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Give components other sampling factors, most of them allowed ones."""
    for frame in with_marker(data, *FRAMES)[:1]:
        for place in range(frame.start + 11, frame.end, 3):
            if rng.random() < 0.6:
                pair = rng.choice((1, 1, 2, 2, 3, 4)) << 4 | rng.choice((1, 1, 2, 2, 3, 4))
                data = patch(data, place, bytes([rng.choice((pair, pair, rng.randrange(256)))]))
    return data


def components(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Change the number of components, an id, or the quantization table of one."""
    for frame in with_marker(data, *FRAMES)[:1]:
        choice = rng.randrange(4)
        if choice == 0:
            data = patch(data, frame.start + 9, bytes([rng.choice(_COUNTS)]))
        elif choice == 1:
            data = _with_components(rng, data, rng.choice((1, 2, 3, 4)))
        else:
            offset = rng.choice((10, 12)) + 3 * rng.randrange(3)
            value = rng.choice((0, 1, 2, 3, 4, rng.randrange(256), *b"RGB"))
            data = patch(data, frame.start + offset, bytes([value]))
    return data


def _with_components(rng: random.Random, data: bytes, count: int) -> bytes:
    """Give frame and scans so many components, with lengths that fit."""
    for frame in with_marker(data, *FRAMES)[:1]:
        named = [bytes([i + 1, rng.choice((0x11, 0x11, 0x22)), 0]) for i in range(count)]
        payload = data[frame.start + 4 : frame.start + 9] + bytes([count]) + b"".join(named)
        data = replaced(data, frame, segment(frame.marker, payload))
    for scan in with_marker(data, SOS)[:1]:
        named = [bytes([i + 1, rng.choice((0x00, 0x11))]) for i in range(count)]
        payload = bytes([count]) + b"".join(named) + data[scan.end - 3 : scan.end]
        data = replaced(data, scan, segment(SOS, payload))
    return data


def frame_kind(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Call the frame another kind of coding, or of another precision."""
    for frame in with_marker(data, *FRAMES)[:1]:
        if rng.random() < 0.7:
            data = patch(data, frame.start + 1, bytes([rng.choice(sorted(FRAMES))]))
        else:
            data = patch(data, frame.start + 4, bytes([rng.choice((0, 1, 7, 12, 16, 255))]))
    return data


def scan_header(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Change a scan's components, tables, spectral selection or approximation."""
    scans = with_marker(data, SOS)
    if not scans:
        return data
    scan = rng.choice(scans)
    for _ in range(rng.choice((1, 1, 2))):
        place = rng.randrange(scan.start + 4, max(scan.end, scan.start + 5))
        value = rng.choice((0, 1, 2, 3, 0x10, 0x11, 0x01, 0x22, 63, 64, rng.randrange(256)))
        data = patch(data, place, bytes([value]))
    return data


def quantization(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Change a quantization table: values, number, precision, or all of it to 16 bits."""
    tables = with_marker(data, DQT)
    if not tables:
        return data
    table = rng.choice(tables)
    head, values = data[table.start + 4 : table.start + 5], data[table.start + 5 : table.end]
    match rng.randrange(4):
        case 0:
            number = rng.choice((0, 1, 2, 3, 4, 0x10, 0x11, 0x20, rng.randrange(256)))
            return patch(data, table.start + 4, bytes([number]))
        case 1:
            wide = b"".join(bytes([rng.choice((0, 0, 0, 1, 255)), value]) for value in values[:64])
            head = bytes([0x10 | (head[0] if head else 0) & 3])
            return replaced(data, table, segment(DQT, head + wide))
        case 2:
            value = rng.choice((b"\0", b"\x01", b"\xff"))
            return replaced(data, table, segment(DQT, head + value * len(values)))
        case _:
            place = rng.randrange(table.start + 4, table.end + 1)
            return patch(data, place, rng.randbytes(rng.choice((1, 2, 8))))


def huffman(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Change a Huffman table: its class and number, its counts of codes, or its symbols."""
    tables = with_marker(data, DHT)
    if not tables:
        return data
    table = rng.choice(tables)
    symbols = table.start + 21
    match rng.randrange(4):
        case 0:
            number = rng.choice((0, 1, 2, 3, 4, 0x10, 0x11, 0x20, rng.randrange(256)))
            return patch(data, table.start + 4, bytes([number]))
        case 1:
            place = table.start + 5 + rng.randrange(16)
            return patch(data, place, bytes([rng.choice((0, 1, 2, 3, 255, rng.randrange(256)))]))
        case 2:
            one, two = (table.start + 5 + rng.randrange(16) for _ in range(2))
            swapped = patch(data, one, data[two : two + 1])
            return patch(swapped, two, data[one : one + 1])
        case _:
            place = rng.randrange(symbols, max(table.end, symbols + 1))
            return patch(data, place, bytes([rng.randrange(256)]))


def length(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Claim another length for a segment, or give it other bytes at its end that its length has."""
    found = [part for part in parts(data) if part.end - part.start >= 4 and part.marker != LOOSE]
    if not found:
        return data
    part = rng.choice(found)
    true = part.end - part.start - 2
    change = rng.choice((-true, 1 - true, 2 - true, -8, -3, -1, 1, 2, 3, 65, 500, 65535 - true))
    claimed = (true + change) & 0xFFFF
    if rng.random() < 0.3 and 2 <= claimed <= true + 500:
        body = (data[part.start + 4 : part.end] + rng.randbytes(500))[: claimed - 2]
        return replaced(data, part, segment(part.marker, body))
    return patch(data, part.start + 2, struct.pack(">H", claimed))


def exchanged(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Put another file's tables, frame or scan into the place of the like."""
    marker = rng.choice((DHT, DHT, DQT, DQT, SOS, LOOSE, *FRAMES))
    mine = with_marker(data, *(FRAMES if marker in FRAMES else (marker,)))
    theirs = with_marker(other, *(FRAMES if marker in FRAMES else (marker,)))
    if not mine or not theirs:
        return data
    part = rng.choice(theirs)
    return replaced(data, rng.choice(mine), other[part.start : part.end])
