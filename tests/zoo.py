"""Odd image files, made on the fly, and what is to become of each: a picture, or a bad image."""

from __future__ import annotations

import base64
import io
import random
import struct
import zlib
from functools import cache
from typing import Literal, NamedTuple

import cv2
import numpy as np
from PIL import Image

Fate = Literal["picture", "damaged", "no image"]

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
TIFF_LITTLE, TIFF_BIG = b"II*\0", b"MM\0*"

ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywt"
    "QFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09P"
    "T09PT09PT09PT09PT09PT09PT0//yQARCAATABsDASEAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD+yuMN"
    "zXwGnZ025OU9C5bvfZc33W2NGZLFFO3N3rVuJRRkz19xKdwn35UTUemzoItPHREQ30tG1SUjUf8AHfFidCMXYc8hE3rw"
    "/9k="
)
"""19x27, 4:2:2, arithmetic coding (SOF9); no encoder at hand writes it."""


class Animal(NamedTuple):
    """One odd file: its bytes, and whether it is a picture, a damaged JPEG or no image."""

    data: bytes
    fate: Fate


def picture(height: int, width: int) -> np.ndarray:
    """Return a BGR picture, other in every corner and channel, with edges and some noise."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    rows /= max(height - 1, 1)
    columns /= max(width - 1, 1)
    noise = np.random.default_rng(height * 10007 + width).normal(0, 12, (height, width, 3))
    image = np.stack([255 * rows, 255 * columns, 255 - 128 * rows - 100 * columns], -1) + noise
    image[: height // 3, : width // 4] = (250, 20, 60)
    return image.clip(0, 255).astype(np.uint8)


def jpeg(image: np.ndarray, **options: int) -> bytes:
    """Encode with OpenCV; ``options`` are its ``IMWRITE_JPEG_`` names in lower case."""
    flags = [(getattr(cv2, f"IMWRITE_JPEG_{name.upper()}"), v) for name, v in options.items()]
    return cv2.imencode(".jpg", image, [number for flag in flags for number in flag])[1].tobytes()


def sampled(image: np.ndarray, sampling: str, **options: int) -> bytes:
    """Encode with the chroma sampling ``444``, ``422``, ``420``, ``440`` or ``411``."""
    factor = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")
    return jpeg(image, sampling_factor=factor, **options)


def pillow(image: np.ndarray, form: str, mode: str = "RGB", **options) -> bytes:
    """Encode with Pillow, which writes modes and formats that OpenCV does not."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., ::-1]).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def flat_blocks(
    height: int, width: int, factors: list[tuple[int, int]], *, ids: bytes = b"\x01\x02\x03\x04"
) -> bytes:
    """Encode random 8x8 blocks of one colour with any sampling factors (horizontal, vertical)."""
    rng = random.Random(str((height, width, factors)))
    across, down = (max(pair[axis] for pair in factors) for axis in (0, 1))
    units = -(-height // (8 * down)) * -(-width // (8 * across))
    before = [0] * len(factors)
    bits = []
    for _ in range(units):
        for number, (horizontal, vertical) in enumerate(factors):
            for _ in range(horizontal * vertical):
                value = rng.randrange(-100, 100)
                bits.append(_difference(value - before[number]) + "0")
                before[number] = value
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    packed = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")
    parts = [bytes([ids[i], h << 4 | v, 0]) for i, (h, v) in enumerate(factors)]
    named = [bytes([ids[i], 0]) for i in range(len(factors))]
    # Twelve codes of four bits for the differences' sizes; one of one bit for the end of a block.
    sizes = b"\x00" + b"\0\0\0\x0c" + bytes(12) + bytes(range(12))
    ends = b"\x10" + b"\x01" + bytes(15) + b"\x00"
    frame = struct.pack(">BHHB", 8, height, width, len(factors)) + b"".join(parts)
    return b"".join(
        [
            SOI,
            segment(0xDB, b"\x00" + b"\x08" * 64),
            segment(0xC0, frame),
            segment(0xC4, sizes + ends),
            segment(0xDA, bytes([len(factors)]) + b"".join(named) + b"\x00\x3f\x00"),
            packed,
            EOI,
        ]
    )


def _difference(value: int) -> str:
    size = abs(value).bit_length()
    if size == 0:
        return "0000"
    return f"{size:04b}{value if value > 0 else value + (1 << size) - 1:0{size}b}"


def segment(marker: int, payload: bytes) -> bytes:
    """Return one marker segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def profile(number: int, count: int) -> bytes:
    """Return the APP2 segment of one of so many parts of a colour profile."""
    return segment(0xE2, b"ICC_PROFILE\0" + bytes([number, count]) + bytes(99))


def markers(data: bytes) -> list[tuple[int, int]]:
    """Return (marker, position) of every segment of a sound JPEG and of its end."""
    found, position = [], 2
    while position < len(data):
        marker = data[position + 1]
        found.append((marker, position))
        if marker == 0xD9:
            break
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xDA:
            while data[position] != 0xFF or data[position + 1] in {0, *range(0xD0, 0xD8)}:
                position += 1
    return found


def where(data: bytes, marker: int, index: int = 0) -> int:
    """Return the position of the ``index``-th segment with this marker."""
    return [position for found, position in markers(data) if found == marker][index]


def scan(data: bytes, index: int = 0) -> tuple[int, int]:
    """Return (start, end) of the entropy-coded data of the ``index``-th scan."""
    listed = markers(data)
    head = where(data, 0xDA, index)
    end = next(position for _, position in listed if position > head)
    return head + 2 + int.from_bytes(data[head + 2 : head + 4], "big"), end


def insert(data: bytes, position: int, more: bytes) -> bytes:
    """Return ``data`` with ``more`` before ``position``."""
    return data[:position] + more + data[position:]


def patch(data: bytes, position: int, new: bytes) -> bytes:
    """Return ``data`` with the bytes at ``position`` replaced."""
    return data[:position] + new + data[position + len(new) :]


def without(data: bytes, marker: int) -> bytes:
    """Return a JPEG without any of the segments of this marker."""
    listed = markers(data)
    ends = [position for _, position in listed[1:]] + [len(data)]
    return SOI + b"".join(
        data[start:end] for (found, start), end in zip(listed, ends, strict=True) if found != marker
    )


def entry(tag: int, kind: int, count: int, value: bytes | int, order: str = "<") -> bytes:
    """Return one 12-byte entry of a TIFF directory; an int value is packed by its kind."""
    if isinstance(value, int):
        value = struct.pack(order + {1: "B", 3: "H", 4: "I", 8: "h", 9: "i"}.get(kind, "I"), value)
    return struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")


def directory(entries: list[bytes], order: str = "<", *, following: bytes | None = None) -> bytes:
    """Return an Exif payload with one directory, and what follows it (no next directory)."""
    after = bytes(4) if following is None else following
    head = (TIFF_LITTLE if order == "<" else TIFF_BIG) + struct.pack(order + "I", 8)
    count = struct.pack(order + "H", len(entries))
    return b"Exif\0\0" + head + count + b"".join(entries) + after


def oriented(value: int, order: str = "<", kind: int = 3, count: int = 1) -> bytes:
    """Return an Exif payload with nothing but an orientation."""
    return directory([entry(0x0112, kind, count, value, order)], order)


def with_exif(data: bytes, *payloads: bytes) -> bytes:
    """Return a JPEG with these APP1 segments right after its first segment (JFIF's)."""
    first = markers(data)[1][1]
    return insert(data, first, b"".join(segment(0xE1, payload) for payload in payloads))


def png_claiming(width: int, height: int) -> bytes:
    """Return a PNG of hardly any bytes whose header claims a size."""

    def chunk(name: bytes, payload: bytes) -> bytes:
        summed = struct.pack(">I", zlib.crc32(name + payload))
        return struct.pack(">I", len(payload)) + name + payload + summed

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    """Return a small JPEG whose frame header claims a size."""
    data = jpeg(picture(16, 16))
    return patch(data, where(data, 0xC0) + 5, struct.pack(">HH", height, width))


@cache
def animals() -> dict[str, Animal]:
    """Return the zoo: every odd file by name."""
    groups = (_sound(), _sizes(), _exif(), _harmless(), _damaged(), _other_formats())
    zoo: dict[str, Animal] = {}
    for group in groups:
        assert not zoo.keys() & group.keys()
        zoo |= group
    return zoo


def names(*fates: Fate) -> list[str]:
    """Return the names of all files with one of these fates, of all files if none is given."""
    return [name for name, animal in animals().items() if not fates or animal.fate in fates]


def jpeg_names(*fates: Fate) -> list[str]:
    """Return the names of all files with a JPEG's first bytes and one of these fates."""
    return [name for name in names(*fates) if animals()[name].data[:3] == b"\xff\xd8\xff"]


def mutations(seed: int, count: int) -> list[bytes]:
    """Return JPEGs broken at random: bits flipped, pieces cut, doubled, swapped or overwritten."""
    rng = random.Random(seed)
    image = picture(41, 59)
    parents = [
        jpeg(image),
        jpeg(image, progressive=1),
        jpeg(image, rst_interval=2),
        sampled(image, "444", quality=30),
        sampled(image, "420", progressive=1, rst_interval=3),
        with_exif(jpeg(image), oriented(6)),
        jpeg(image[..., 0]),
        pillow(image, "JPEG", "CMYK"),
        pillow(image, "JPEG", keep_rgb=True),
        ARITHMETIC,
    ]
    return [_mutated(rng.choice(parents), rng) for _ in range(count)]


def _mutated(data: bytes, rng: random.Random) -> bytes:
    broken = bytearray(data)
    header = rng.random() < 0.3
    low, high = (2, where(data, 0xDA) + 14) if header else (scan(data)[0], len(data) - 2)
    start = rng.randrange(low, high)
    end = min(start + rng.choice([1, 1, 2, 4, 16, 100]), len(data))
    match rng.choice(["flip", "flip", "flip", "cut", "truncate", "double", "overwrite", "marker"]):
        case "flip":
            for _ in range(rng.choice([1, 1, 2, 8])):
                broken[rng.randrange(low, high)] ^= 1 << rng.randrange(8)
        case "cut":
            del broken[start:end]
        case "truncate":
            del broken[start:]
            if rng.random() < 0.5:
                broken += EOI
        case "double":
            broken[start:start] = broken[start:end]
        case "overwrite":
            broken[start:end] = rng.randbytes(end - start)
        case "marker":
            broken[start:start] = bytes([0xFF, rng.choice([0xD0, 0xD3, 0xD9, 0xDA, 0xE1, 0xFE])])
    return bytes(broken)


def _good(files: dict[str, bytes]) -> dict[str, Animal]:
    return {name: Animal(data, "picture") for name, data in files.items()}


def _sound() -> dict[str, Animal]:
    image = picture(33, 47)
    files = {
        f"{kind}-{sampling}": sampled(image, sampling, **options)
        for sampling in ("444", "422", "420", "440", "411")
        for kind, options in {
            "baseline": {},
            "progressive": {"progressive": 1},
            "restarts": {"rst_interval": 2},
        }.items()
    }
    grey = jpeg(image[..., 0])
    cmyk = pillow(image, "JPEG", "CMYK")
    plain = jpeg(image)
    files |= {
        "grey": grey,
        "grey-progressive": jpeg(image[..., 0], progressive=1),
        "grey-2x2-blocks": patch(grey, where(grey, 0xC0) + 11, b"\x22"),
        "grey-exif-6": with_exif(grey, oriented(6)),
        "cmyk": cmyk,
        "cmyk-progressive": pillow(image, "JPEG", "CMYK", progressive=True),
        "cmyk-exif-6": pillow(image, "JPEG", "CMYK", exif=oriented(6)),
        "cmyk-without-adobe": without(cmyk, 0xEE),
        "ycck": _of_transform(cmyk, 2),
        "rgb": pillow(image, "JPEG", keep_rgb=True),
        "optimized": jpeg(image, optimize=1),
        "quality-1": jpeg(image, quality=1),
        "quality-100": jpeg(image, quality=100),
        "arithmetic": ARITHMETIC,
        "arithmetic-exif-6": with_exif(ARITHMETIC, oriented(6)),
        "no-huffman-tables": without(plain, 0xC4),
        "no-jfif": without(plain, 0xE0),
        "extended-sequential": patch(plain, where(plain, 0xC0), b"\xff\xc1"),
        "comment": insert(plain, 2, segment(0xFE, b"a comment \xff\xd9\xff\xda inside")),
        "every-app": insert(
            plain,
            markers(plain)[1][1],
            b"".join(segment(0xE0 + number, b"something") for number in range(2, 16)),
        ),
        "icc": insert(plain, where(plain, 0xDB), profile(1, 1)),
        "fill-bytes": insert(plain, where(plain, 0xDB), b"\xff" * 7),
        "progressive-first-scans-only": _first_scans(jpeg(image, progressive=1), 3),
    }
    samplings = {
        "422-in-other-words": [(2, 2), (1, 2), (1, 2)],
        "440-in-other-words": [(2, 2), (2, 1), (2, 1)],
        "444-in-other-words": [(1, 2), (1, 2), (1, 2)],
        "410": [(4, 2), (1, 1), (1, 1)],
        "441": [(1, 4), (1, 1), (1, 1)],
        "311": [(3, 1), (1, 1), (1, 1)],
        "uneven-chroma": [(2, 2), (2, 1), (1, 2)],
        "finer-chroma": [(1, 1), (2, 2), (1, 1)],
        "grey": [(1, 1)],
        "four-components": [(2, 2), (1, 1), (1, 1), (2, 2)],
    }
    files |= {f"blocks-{name}": flat_blocks(35, 51, it) for name, it in samplings.items()}
    files["blocks-named-rgb"] = flat_blocks(35, 51, [(1, 1)] * 3, ids=b"RGB")
    files["blocks-named-0-1-2"] = flat_blocks(35, 51, [(2, 2), (1, 1), (1, 1)], ids=b"\0\1\2")
    return _good(files)


def _of_transform(data: bytes, transform: int) -> bytes:
    """Set the Adobe transform: 0 is RGB or CMYK, 1 is YCbCr, 2 is YCCK, others are unknown."""
    # Marker, length, "Adobe", version, two flags, transform.
    return patch(data, where(data, 0xEE) + 15, bytes([transform]))


def _first_scans(data: bytes, count: int) -> bytes:
    return data[: scan(data, count - 1)[1]] + EOI


def _sizes() -> dict[str, Animal]:
    sizes = [(1, 1), (1, 2), (7, 9), (8, 8), (16, 16), (17, 15), (1, 3000), (3000, 1), (2, 999)]
    files = {f"{height}x{width}": jpeg(picture(height, width)) for height, width in sizes}
    files["1x1-progressive"] = jpeg(picture(1, 1), progressive=1)
    files["3000x1-exif-6"] = with_exif(files["3000x1"], oriented(6))
    huge = np.full((4000, 5000, 3), (30, 90, 200), np.uint8)
    huge[1000:1800, 300:4100] = (200, 10, 10)
    files["4000x5000"] = jpeg(huge)
    return _good(files)


def _exif() -> dict[str, Animal]:
    plain = jpeg(picture(33, 47))
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"
    turn = entry(0x0112, 3, 1, 6)
    payloads: dict[str, tuple[bytes, ...]] = {
        f"{value}-{name}": (oriented(value, order),)
        for value in range(10)
        for name, order in (("little", "<"), ("big", ">"))
    }
    payloads |= {
        "long": (oriented(6, kind=4),),
        "long-big": (oriented(6, ">", kind=4),),
        "byte": (oriented(6, kind=1),),
        "signed-short": (oriented(6, kind=8),),
        "count-2": (oriented(6, count=2),),
        "count-0": (oriented(6, count=0),),
        "count-1000": (oriented(6, count=1000),),
        "two-blocks": (oriented(6), oriented(3)),
        "block-and-copy": (oriented(6), oriented(6)),
        "after-xmp": (xmp, oriented(6)),
        "before-xmp": (oriented(6), xmp),
        "xmp-only": (xmp,),
        "no-entries": (directory([]),),
        "no-next": (directory([turn], following=b""),),
        "next-directory": (directory([turn], following=struct.pack("<I", 8)),),
        "two-orientations": (directory([turn, entry(0x0112, 3, 1, 3)]),),
        "offset-outside": (directory([entry(0x011A, 5, 1, 0x7FFF), turn]),),
        "offset-outside-after": (directory([turn, entry(0x011A, 5, 1, 0x7FFF)]),),
        "text-outside": (directory([entry(0x010F, 2, 60000, 8), turn]),),
        "text-of-nothing": (directory([entry(0x010E, 2, 0, 0), turn]),),
        "short-rational": (directory([entry(0x0214, 1, 1, 0), turn]),),
        "without-name": (bytes(6) + oriented(6)[6:],),
        "unknown-kind": (directory([entry(0x0213, 99, 1, 1), turn]),),
        "unknown-tag": (directory([entry(0xC4A5, 7, 4, 1), turn]),),
        "more-entries-than-there-are": (oriented(6)[:14] + b"\x09\0" + oriented(6)[16:],),
        "directory-outside": (b"Exif\0\0II*\0\xff\xff\0\0\x01\0" + turn,),
        "directory-far-off": (b"Exif\0\0II*\0\x10\0\0\0" + bytes(8) + b"\x01\0" + turn + bytes(4),),
        "directory-inside-head": (b"Exif\0\0II*\0\x02\0\0\0\x01\0" + turn + bytes(4),),
        "mixed-order": (b"Exif\0\0IM*\0" + oriented(6)[10:],),
        "not-42": (b"Exif\0\0II+\0" + oriented(6)[10:],),
        "name-only": (b"Exif\0\0",),
        "name-cut": (b"Exif",),
        "empty-app1": (b"",),
    }
    files = {f"exif-{name}": with_exif(plain, *blocks) for name, blocks in payloads.items()}
    files["exif-before-jfif"] = insert(plain, 2, segment(0xE1, oriented(6)))
    files["exif-before-end"] = insert(plain, where(plain, 0xD9), segment(0xE1, oriented(6)))
    slow = jpeg(picture(33, 47), progressive=1)
    between = where(slow, 0xDA, 2)
    files["exif-between-scans"] = insert(slow, between, segment(0xE1, oriented(6)))
    files["exif-in-app2"] = insert(plain, where(plain, 0xDB), segment(0xE2, oriented(6)))
    return _good(files)


def _harmless() -> dict[str, Animal]:
    image = picture(33, 47)
    plain, slow = jpeg(image), jpeg(image, progressive=1)
    tables = where(plain, 0xDB)
    adobe = pillow(image, "JPEG", keep_rgb=True)
    cmyk = pillow(image, "JPEG", "CMYK")
    major = where(plain, 0xE0) + 9
    files = {
        "garbage-after-end": plain + b"garbage \xff\x00\xff\xd8" + bytes(200),
        "jpeg-after-end": plain + jpeg(image[::-1]),
        "jfif-major-3": patch(plain, major, b"\x03"),
        "jfif-major-0-progressive": patch(slow, major, b"\x00"),
        "adobe-transform-7": _of_transform(adobe, 7),
        "adobe-transform-7-cmyk": _of_transform(cmyk, 7),
        "bytes-between-segments": insert(plain, tables, b"\x00\x01\x02"),
        "zeros-between-segments": insert(plain, tables, bytes(100)),
        "stuffed-byte-between-segments": insert(plain, tables, b"\xff\x00"),
        "restart-between-segments": insert(plain, tables, b"\xff\xd0"),
        "segment-of-length-0": insert(plain, tables, b"\xff\xe5\x00\x00"),
        "segment-of-length-1": insert(plain, tables, b"\xff\xe5\x00\x01"),
        "bytes-before-scan": insert(plain, where(plain, 0xDA), b"\x05\x06"),
        "bytes-before-end": insert(plain, len(plain) - 2, b"\x00\x01\x02"),
        "zeros-before-end": insert(plain, len(plain) - 2, bytes(100)),
        "run-before-end": insert(plain, len(plain) - 2, b"\x09" * 50),
        "zeros-between-scans": insert(slow, where(slow, 0xDA, 1), bytes(100)),
        "bytes-between-scans": insert(slow, where(slow, 0xDA, 1), b"\x00\x01\x02"),
        "bytes-between-several-scans": insert(
            insert(slow, where(slow, 0xDA, 3), b"\x09" * 5), where(slow, 0xDA, 1), b"\x00\x01\x02"
        ),
        "spectral-selection-of-sequential": patch(plain, scan(plain)[0] - 2, b"\x00"),
        "unknown-marker-before-end": insert(plain, len(plain) - 2, b"\xff\x42"),
        "second-picture-before-end": plain[:-2] + jpeg(image[::-1]),
        "second-scan-before-end": plain[:-2] + plain[where(plain, 0xDA) :],
        "profile-twice": insert(plain, tables, profile(1, 1) * 2),
        "profile-without-its-second-part": insert(plain, tables, profile(1, 2)),
        "profile-of-no-number": insert(plain, tables, profile(0, 0)),
        "many-oddities": patch(insert(plain, tables, b"\x00"), major, b"\x04") + b"more",
        "jfif-major-3-exif-6": with_exif(patch(plain, major, b"\x03"), oriented(6)),
        "bytes-between-segments-exif-8": with_exif(insert(plain, tables, b"\x00"), oriented(8)),
    }
    return _good(files)


def _damaged() -> dict[str, Animal]:
    image = picture(33, 47)
    plain, slow, cmyk = jpeg(image), jpeg(image, progressive=1), pillow(image, "JPEG", "CMYK")
    restarts = jpeg(image, rst_interval=1)
    start, end = scan(plain)
    first = restarts.index(b"\xff\xd0", scan(restarts)[0])
    second = restarts.index(b"\xff\xd1", first)
    third = restarts.index(b"\xff\xd2", second)
    flipped = _flipped(plain)
    oddity, frame = where(plain, 0xE0) + 9, where(plain, 0xC0)
    odd, middle = flat_blocks(35, 51, [(4, 2), (1, 1), (1, 1)]), (start + end) // 2
    adobe = pillow(image, "JPEG", keep_rgb=True)
    files = {
        "cut-after-2": plain[:2] + b"\xff",
        "cut-after-3": plain[:4],
        "cut-in-tables": plain[: where(plain, 0xDB) + 20],
        "cut-before-scan": plain[: where(plain, 0xDA)],
        "cut-in-scan-header": plain[: where(plain, 0xDA) + 8],
        "cut-at-scan": plain[:start],
        "cut-in-half": plain[: (start + end) // 2],
        "cut-near-end": plain[: end - 20],
        "cut-in-half-ended": plain[: (start + end) // 2] + EOI,
        "cut-in-half-exif-6": with_exif(plain, oriented(6))[: -(end - start) // 2],
        "cut-in-half-exif-odd": with_exif(plain, oriented(6, kind=4))[: -(end - start) // 2],
        "cut-in-half-grey": jpeg(image[..., 0])[:-200],
        "cut-in-half-cmyk": cmyk[: -(scan(cmyk)[1] - scan(cmyk)[0]) // 2],
        "cut-in-half-arithmetic": ARITHMETIC[:-50],
        "cut-progressive-in-scan": slow[: sum(scan(slow, 1)) // 2],
        "cut-progressive-after-scan": slow[: scan(slow, 2)[1]],
        "cut-progressive-in-table": slow[: where(slow, 0xC4, 3) + 10],
        "no-end": plain[:-2],
        "no-end-progressive": slow[:-2],
        "no-end-cmyk": cmyk[:-2],
        "half-an-end": plain[:-1],
        "ends-early-in-gap": plain[: start + 40] + EOI + plain[start + 40 :],
        "flipped-in-scan": flipped,
        "overwritten-scan": patch(plain, start + 30, b"\xff\x00" * 60),
        "overwritten-progressive": patch(slow, scan(slow, 3)[0] + 4, b"\xff\x00" * 40),
        "leftover-before-end": insert(plain, len(plain) - 2, bytes(range(1, 31))),
        "leftover-between-scans": insert(slow, where(slow, 0xDA, 1), bytes(range(1, 31))),
        "restart-missing": restarts[:first] + restarts[first + 2 :],
        "restart-interval-missing": restarts[:second] + restarts[third:],
        "restart-of-wrong-number": patch(restarts, second, b"\xff\xd5"),
        "restart-too-many": insert(plain, start + 200, b"\xff\xd0"),
        "quantization-table-missing": without(plain, 0xDB),
        "jfif-major-3-over-damage": patch(flipped, oddity, b"\x03"),
        "jfif-major-3-cut": patch(plain, oddity, b"\x03")[: end - 100],
        "adobe-transform-7-over-damage": _flipped(_of_transform(adobe, 7)),
        "adobe-transform-7-over-damage-cmyk": _flipped(_of_transform(cmyk, 7)),
        "spectral-selection-over-damage": patch(flipped, start - 2, b"\x00"),
        "bytes-between-segments-over-damage": insert(flipped, where(plain, 0xDB), b"\x00\x01"),
        "profile-twice-over-damage": insert(flipped, where(plain, 0xDB), profile(1, 1) * 2),
        "bytes-between-scans-over-damage": _late_damage(slow),
        "only-a-start": b"\xff\xd8\xff",
        "start-and-end": b"\xff\xd8\xff\xd9",
        "no-frame": without(plain, 0xC0),
        "height-0": patch(plain, frame + 5, b"\x00\x00"),
        "twelve-bits": patch(plain, frame + 4, b"\x0c"),
        "lossless": patch(plain, frame, b"\xff\xc3"),
        "two-frames": insert(plain, frame, plain[frame : where(plain, 0xC4)]),
        "two-components": flat_blocks(35, 51, [(1, 1)] * 2),
        "bytes-before-restart": insert(restarts, second, b"\x00\x01\x02"),
        "flipped-in-scan-cmyk": _flipped(cmyk),
        "progressive-scan-missing": slow[: scan(slow, 1)[1]] + slow[scan(slow, 2)[1] :],
        "cut-behind-thumbnail": with_exif(plain, oriented(1) + plain)[: -(end - start) // 2],
        "unusual-sampling-no-end": flat_blocks(35, 51, [(4, 2), (1, 1), (1, 1)])[:-2],
        "unusual-sampling-cut": _cut_and_ended(odd),
        "unusual-sampling-flipped": _flipped(odd),
        "unusual-sampling-leftover": insert(odd, len(odd) - 2, bytes(range(1, 31))),
        "unusual-sampling-restart": insert(odd, scan(odd)[0] + 50, b"\xff\xd0"),
        "unusual-sampling-four": _flipped(flat_blocks(35, 51, [(2, 2), (1, 1), (1, 1), (1, 1)])),
        "unknown-marker-in-scan": insert(plain, middle, b"\xff\x42"),
        "start-in-scan": insert(plain, middle, SOI),
        "frame-in-scan": insert(plain, middle, plain[frame : where(plain, 0xC4)]),
        "scan-header-twice": insert(plain, start, plain[where(plain, 0xDA) : start]),
        "scan-header-in-scan": insert(plain, middle, plain[where(plain, 0xDA) : start]),
        "unknown-marker-after-broken-scan": insert(flipped, end, b"\xff\x42"),
        "second-picture-after-cut": plain[:middle] + plain,
        "unknown-marker": insert(plain, frame, segment(0x05, b"?")),
        "start-within": insert(plain, frame, SOI),
        "short-frame": SOI + segment(0xC0, b"\x08\x00") + segment(0xDA, b"\x00"),
    }
    return {name: Animal(data, "damaged") for name, data in files.items()}


def _flipped(data: bytes) -> bytes:
    """Put a run of ones, which no Huffman code is, into the middle of the first scan."""
    middle = sum(scan(data)) // 2
    return patch(data, middle, b"\xfe\xff\x00\xff\x00\xff\x00\xfe")


def _cut_and_ended(data: bytes) -> bytes:
    """Cut the first scan's data in half, and end the file properly."""
    return data[: sum(scan(data)) // 2] + EOI


def _late_damage(slow: bytes) -> bytes:
    """Put harmless bytes before the second scan and break the last one."""
    start, end = scan(slow, len([1 for marker, _ in markers(slow) if marker == 0xDA]) - 1)
    broken = slow[: (start + end) // 2] + EOI
    return insert(broken, where(slow, 0xDA, 1), b"\x00\x01\x02")


def _other_formats() -> dict[str, Animal]:
    image = picture(33, 47)
    deep = image.astype(np.uint16) * 257
    alpha = np.dstack([image, image[..., 0]])
    files = {
        "png": cv2.imencode(".png", image)[1].tobytes(),
        "png-16-bit": cv2.imencode(".png", deep)[1].tobytes(),
        "png-alpha": cv2.imencode(".png", alpha)[1].tobytes(),
        "png-grey": cv2.imencode(".png", image[..., 0])[1].tobytes(),
        "png-palette": pillow(image, "PNG", "P"),
        "png-one-bit": pillow(image, "PNG", "1"),
        "png-exif-6": pillow(image, "PNG", exif=oriented(6)),
        "bmp": cv2.imencode(".bmp", image)[1].tobytes(),
        "webp": cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes(),
        "webp-exif-6": pillow(image, "WEBP", exif=oriented(6)),
        "tiff": cv2.imencode(".tiff", image)[1].tobytes(),
        "tiff-16-bit": cv2.imencode(".tiff", deep)[1].tobytes(),
        "ppm": cv2.imencode(".ppm", image)[1].tobytes(),
    }
    nothing = {
        "empty": b"",
        "text": b"a text that was saved under the name of an image",
        "html": b"<!doctype html><title>404</title>",
        "zeros": bytes(5000),
        "byte-behind-jpeg-start": insert(jpeg(image), 2, b"\x00"),
        "jpeg-behind-a-byte": b"\n" + jpeg(image),
        "png-start": b"\x89PNG\r\n\x1a\n",
        "png-cut-in-header": files["png"][:20],
        "png-flipped": patch(files["png"], len(files["png"]) // 2, b"\x00\xff\x00"),
    }
    cut = ("png", "png-palette", "bmp", "webp", "tiff", "ppm")
    nothing |= {f"{name}-cut": files[name][: len(files[name]) * 2 // 3] for name in cut}
    return _good(files) | {name: Animal(data, "no image") for name, data in nothing.items()}
