"""Small JPEGs to mutate, made on the fly: every coding, sampling and oddity that is a picture."""

from __future__ import annotations

import random
import struct
from functools import cache

import zoo
from fuzz.mutations import KINDS, mutate
from fuzz.parts import DQT, DRI, SOS, parts

SAMPLINGS = ("444", "422", "420", "440", "411")
UNUSUAL = ([(4, 2), (1, 1), (1, 1)], [(3, 1), (1, 1), (1, 1)], [(2, 2), (1, 1), (1, 2)])
_MOST_BYTES = 6000


def mutant(seed: int, number: int) -> tuple[str, bytes]:
    """Return the kind and the bytes of a seed's mutant; each is its own, whatever comes before."""
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choice(list(KINDS))
    return kind, mutate(kind, rng, _base(rng), _base(rng))


def _base(rng: random.Random) -> bytes:
    return rng.choice(rng.choice(list(bases().values())))


@cache
def bases() -> dict[str, list[bytes]]:
    """Return sound pictures in groups, each of which is to be chosen as often as another."""
    small, wide = zoo.picture(33, 47), zoo.picture(41, 64)
    cmyk = zoo.pillow(small, "JPEG", "CMYK")
    turned = [
        zoo.with_exif(zoo.sampled(small, sampling), zoo.oriented(value, order))
        for value, sampling in zip(range(1, 9), SAMPLINGS * 2, strict=False)
        for order in "<>"
    ]
    thumbnail = zoo.oriented(8) + zoo.jpeg(zoo.picture(8, 12))
    sizes = ((1, 1), (1, 2), (7, 9), (8, 8), (16, 16), (17, 15), (2, 99), (90, 3))
    restarts = {"rst_interval": 2}
    animals = {name: zoo.animals()[name].data for name in zoo.jpeg_names("picture")}
    samplings = [data for name, data in animals.items() if name.startswith("blocks-")]
    odd = [data for data in animals.values() if len(data) <= _MOST_BYTES]
    profiles = [
        zoo.insert(data, zoo.where(data, DQT), zoo.profile(1, 2) + zoo.profile(2, 2))
        for data in (zoo.jpeg(small), zoo.jpeg(small, progressive=1), cmyk)
    ]
    return {
        "baseline": _all_samplings(),
        "progressive": _all_samplings(progressive=1),
        "restarts": _all_samplings(**restarts) + _all_samplings(progressive=1, **restarts),
        "quality": [zoo.jpeg(small, quality=quality) for quality in (1, 20, 60, 100)],
        "as wide as the canvas": [zoo.jpeg(wide), zoo.jpeg(wide, progressive=1, **restarts)],
        "grey": [zoo.jpeg(small[..., 0]), zoo.jpeg(small[..., 0], progressive=1, **restarts)],
        "four": [cmyk, zoo.pillow(small, "JPEG", "CMYK", progressive=True)],
        "turned": [*turned, zoo.with_exif(zoo.jpeg(small), thumbnail)],
        "sizes": [zoo.jpeg(zoo.picture(*size)) for size in sizes],
        "samplings": samplings + [_regrouped(factors) for factors in UNUSUAL],
        "profiles": profiles,
        "odd": odd,
    }


def _all_samplings(**options: int) -> list[bytes]:
    return [zoo.sampled(zoo.picture(33, 47), sampling, **options) for sampling in SAMPLINGS]


def _regrouped(factors: list[tuple[int, int]]) -> bytes:
    """Call the blocks of a grey picture those of three components, of a sampling no encoder has."""
    together = sum(horizontal * vertical for horizontal, vertical in factors)
    grey = zoo.jpeg(zoo.picture(24, 8 * together)[..., 0], rst_interval=together)
    across, down = (8 * max(pair[axis] for pair in factors) for axis in (0, 1))
    named = [bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(factors)]
    frame = struct.pack(">BHHB", 8, down, 3 * across, 3) + b"".join(named)
    interval = struct.pack(">H", 1)
    scan = b"\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00"
    new = {0xC0: frame, DRI: interval, SOS: scan}
    return zoo.SOI + b"".join(
        zoo.segment(part.marker, new[part.marker])
        if part.marker in new
        else grey[part.start : part.end]
        for part in parts(grey)
    )
