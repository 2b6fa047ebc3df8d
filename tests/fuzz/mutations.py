"""Ways to break a JPEG: pure functions of a seeded generator, a file, and another one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from fuzz import exif_games, header_edits, marker_games
from fuzz.parts import LOOSE, SOS, border, parts, with_marker
from zoo import EOI, insert, patch

if TYPE_CHECKING:
    from collections.abc import Callable

    Mutation = Callable[[random.Random, bytes, bytes], bytes]

_LENGTHS = (1, 1, 2, 3, 4, 8, 16, 64, 300)
_TRIES = 8


def mutate(kind: str, rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Return ``data`` mutated in one kind of way; it differs from ``data``."""
    for _ in range(_TRIES):
        mutant = KINDS[kind](rng, data, other)
        if mutant != data:
            return mutant
    return bits(rng, data, other)


def bits(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Flip bits anywhere."""
    return _flipped(rng, data, 0, len(data))


def bits_in_header(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Flip bits before the first scan's data."""
    scans = with_marker(data, SOS)
    return _flipped(rng, data, 2, scans[0].end if scans else len(data))


def bits_in_scan(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Flip bits in one scan's data."""
    scan = rng.choice([part for part in parts(data) if part.marker == LOOSE] or parts(data))
    return _flipped(rng, data, scan.start, scan.end)


def _flipped(rng: random.Random, data: bytes, start: int, end: int) -> bytes:
    broken = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8, 30))):
        broken[rng.randrange(start, end)] ^= 1 << rng.randrange(8)
    return bytes(broken)


def cut(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Cut the end off, anywhere or between two pieces, and end the rest properly or not."""
    place = border(rng, data) if rng.random() < 0.3 else rng.randrange(len(data))
    return data[:place] + rng.choice((b"", b"", EOI, b"\xff", bytes(20)))


def removed(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Take bytes out."""
    start = rng.randrange(2, len(data))
    return data[:start] + data[start + rng.choice(_LENGTHS) :]


def added(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Put random bytes in."""
    place = border(rng, data) if rng.random() < 0.4 else rng.randrange(2, len(data))
    return insert(data, place, rng.randbytes(rng.choice(_LENGTHS)))


def run(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Put a run of one byte in, or write it over what is there."""
    place = border(rng, data) if rng.random() < 0.4 else rng.randrange(2, len(data))
    value = bytes([rng.choice((0, 0, 0xFF, 0xFF, 0xD9, rng.randrange(256)))])
    put = rng.choice((insert, patch))
    return put(data, place, value * rng.choice((*_LENGTHS, 2000)))


def doubled(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Repeat a stretch of bytes."""
    start = rng.randrange(2, len(data))
    return insert(data, start, data[start : start + rng.choice(_LENGTHS)])


def moved(rng: random.Random, data: bytes, _: bytes) -> bytes:
    """Write a stretch of bytes over another."""
    source, target = rng.randrange(2, len(data)), rng.randrange(2, len(data))
    stretch = data[source : source + rng.choice(_LENGTHS)]
    return patch(data, target, stretch)[: len(data)]


def spliced(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Go on with another file, from anywhere or between two pieces."""
    if rng.random() < 0.5:
        return data[: border(rng, data)] + other[border(rng, other) :]
    return data[: rng.randrange(2, len(data))] + other[rng.randrange(2, len(other)) :]


def appended(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Put something behind the end: another file, bytes, a second end."""
    return data + rng.choice((other, rng.randbytes(rng.choice(_LENGTHS)), EOI, b"\xff"))


def several(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Mutate in two to four ways, one after another."""
    single = [kind for kind in KINDS if kind != "several"]
    for _ in range(rng.randrange(2, 5)):
        if len(data) > 4:
            data = KINDS[rng.choice(single)](rng, data, other)
    return data


def _named(*functions: Mutation) -> dict[str, Mutation]:
    return {function.__name__.replace("_", " "): function for function in functions}


KINDS: dict[str, Mutation] = _named(
    bits,
    bits_in_header,
    bits_in_scan,
    cut,
    removed,
    added,
    run,
    doubled,
    moved,
    spliced,
    appended,
    header_edits.size,
    header_edits.huge,
    header_edits.sampling,
    header_edits.components,
    header_edits.frame_kind,
    header_edits.scan_header,
    header_edits.quantization,
    header_edits.huffman,
    header_edits.length,
    header_edits.exchanged,
    marker_games.segment_gone,
    marker_games.segment_twice,
    marker_games.segments_swapped,
    marker_games.segment_put_in,
    marker_games.marker_in_scan,
    marker_games.restarts,
    marker_games.scans,
    exif_games.orientation,
    exif_games.directory_of_anything,
    exif_games.broken_block,
    exif_games.several_blocks,
    several,
)
"""Every kind of mutation by name."""
