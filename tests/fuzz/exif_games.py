"""Games with EXIF: orientations of wrong types, directories of anything, several blocks."""

from __future__ import annotations

import random
import struct

from fuzz.parts import border
from zoo import directory, entry, insert, jpeg, oriented, picture, segment

_APP1 = 0xE1
_ORIENTATION = 0x0112
_XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"
_KINDS = (0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 99, 0xFFFF)
_COUNTS = (0, 1, 1, 1, 2, 3, 6, 100, 65536, 0x40000000, 0x7FFFFFFF, 0xFFFFFFFF)
# The tags that OpenCV reads, and some that it does not.
_TAGS = (
    *(0x010E, 0x010F, 0x0110, 0x0112, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013E, 0x013F),
    *(0x0211, 0x0213, 0x0214, 0x8298, 0x8769, 0x8825, 0x9C9B, 0xC4A5, 0x0100, 0xFFFF),
)
_ORDERS = ("<", ">")


def orientation(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Put in an orientation of any value, type, count and byte order."""
    order = rng.choice(_ORDERS)
    value = rng.choice((*range(10), 255, 256, 0x0600, 65535))
    kind = rng.choice((3, 3, rng.choice(_KINDS)))
    if kind in (1, 6, 8, 9):
        value %= 128
    return _put(rng, data, oriented(value, order, kind, rng.choice((1, 1, rng.choice(_COUNTS)))))


def directory_of_anything(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Put in a directory of entries of all types and offsets, mostly with an orientation."""
    return _put(rng, data, _directory(rng))


def broken_block(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Put in an Exif block whose head, first offset, count of entries or end is not right."""
    block = bytearray(rng.choice((oriented(rng.randrange(1, 9)), _directory(rng))))
    for _ in range(rng.choice((1, 1, 2))):
        match rng.randrange(6):
            case 0:
                block[rng.randrange(min(len(block), 16))] ^= 1 << rng.randrange(8)
            case 1:
                block[6:8] = rng.choice((b"MM", b"II", b"IM", b"MI"))
            case 2:
                offset = rng.choice((0, 1, 7, 8, 9, 10, 14, 1000, 0x7FFFFFFF, 0xFFFFFFFF))
                block[10:14] = struct.pack(rng.choice(_ORDERS) + "I", offset)
            case 3:
                block[14:16] = struct.pack("<H", rng.choice((0, 1, 2, 3, 9, 255, 65535)))
            case 4:
                del block[rng.randrange(len(block)) :]
            case _:
                block[: rng.choice((1, 5, 6))] = b""
        block = block or bytearray(b"E")
    return _put(rng, data, bytes(block).ljust(16, b"\0")[: max(len(block), 1)])


def several_blocks(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Put in two or three APP1 segments, Exif, XMP or neither, together or apart."""
    for _ in range(rng.choice((2, 2, 3))):
        data = _put(rng, data, _block(rng))
    return data


def _block(rng: random.Random) -> bytes:
    return rng.choice(
        (
            oriented(rng.randrange(1, 9), rng.choice(_ORDERS)),
            oriented(rng.randrange(1, 9), rng.choice(_ORDERS)) + jpeg(picture(8, 12)),
            _directory(rng),
            _XMP,
            b"Exif\0\0",
            b"Exif\0\x01" + oriented(6)[6:],
            b"exif\0\0" + oriented(6)[6:],
            bytes(6) + oriented(6)[6:],
            b"",
            rng.randbytes(rng.choice((1, 6, 20))),
        )
    )


def _directory(rng: random.Random) -> bytes:
    order = rng.choice(_ORDERS)
    entries = [_entry(rng, order) for _ in range(rng.choice((0, 1, 1, 2, 3, 5)))]
    if rng.random() < 0.8:
        turn = entry(_ORIENTATION, 3, 1, rng.randrange(1, 9), order)
        entries.insert(rng.randrange(len(entries) + 1), turn)
    following = rng.choice((None, b"", b"\0", struct.pack(order + "I", rng.choice((0, 8, 999)))))
    return directory(entries, order, following=following) + bytes(rng.choice((0, 0, 8, 60)))


def _entry(rng: random.Random, order: str) -> bytes:
    value = struct.pack(
        order + "I", rng.choice((0, 1, 6, 8, 20, 40, 90, 5000, 1 << 31, 0xFFFFFFF0))
    )
    return entry(rng.choice(_TAGS), rng.choice(_KINDS), rng.choice(_COUNTS), value, order)


def _put(rng: random.Random, data: bytes, payload: bytes) -> bytes:
    """Put an APP1 segment in: behind the SOI, or sometimes anywhere between two pieces."""
    place = border(rng, data) if rng.random() < 0.2 else 2
    return insert(data, place, segment(_APP1, payload[:0xFFFD]))
