"""The size that an image file's header claims, for every other format than JPEG that OpenCV reads.

A reader that takes a header otherwise than OpenCV does would let a small file claim any amount of
memory. So where a header can be read in more ways than one (a tag or box that stands there twice, a
comment that looks like a number), the largest of the sizes counts, and what has none is no image.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Size = tuple[int, int]

_BLANK = rb"(?:\s|#[^\r\n]*[\r\n])*"
_PNM = re.compile(rb"P[1-6](?=\s)" + _BLANK + rb"(\d+)\D" + _BLANK + rb"(\d+)(?=\D)", re.DOTALL)
_PFM = re.compile(rb"P[Ff]\s\+?(\d+)\S*\s\+?(\d+)(?=\D)")
_PAM_WIDTH = re.compile(rb"WIDTH\s+(\d+)")
_PAM_HEIGHT = re.compile(rb"HEIGHT\s+(\d+)")
_HDR_SIZE = re.compile(rb"-Y\s*\+?(\d+)\s*\+X\s*\+?(\d+)")
_EXR_WINDOW = re.compile(rb"dataWindow\0box2i\0\x10\0\0\0(.{16})", re.DOTALL)
_J2K_SIZE = re.compile(rb"\xff\x4f\xff\x51.{4}(.{16})", re.DOTALL)
_AVIF_SIZE = re.compile(rb"ispe.{4}(.{8})", re.DOTALL)
_AVIF_TRACK = re.compile(rb"tkhd")

_TIFF_WIDTHS = (256, 322)
_TIFF_HEIGHTS = (257, 323)
# Bytes of the kinds of numbers that libtiff takes for a size.
_TIFF_BYTES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 16: 8, 17: 8}
_MOST_TIFF_ENTRIES = 0xFFFF
_MOST_PNM_HEADER = 2**16
_MOST_PFM_HEADER = 2**10
_WEBP_START_BYTES = 10
_MOST_DIGITS = 19


def claimed_size(data: bytes) -> Size | None:
    """Return the (height, width) that OpenCV will make room for, or None if none can be told.

    Parameters
    ----------
    data
        The whole file, and no JPEG.
    """
    for signature, read in _READERS:
        if re.match(signature, data, re.DOTALL):
            try:
                sizes = list(read(data))
            except (struct.error, OverflowError):
                # It points behind the file's end, or so far that no file reaches there.
                return None
            good = [size for size in sizes if min(size) > 0]
            return max(good, key=lambda size: size[0] * size[1], default=None)
    return None


def _png(data: bytes) -> Iterator[Size]:
    if data[12:16] == b"IHDR":
        yield _upright(struct.unpack_from(">II", data, 16))


def _bmp(data: bytes) -> Iterator[Size]:
    kind = "<HH" if data[14:18] == b"\x0c\0\0\0" else "<ii"
    yield _upright(struct.unpack_from(kind, data, 18))


def _gif(data: bytes) -> Iterator[Size]:
    yield _upright(struct.unpack_from("<HH", data, 6))


def _sun(data: bytes) -> Iterator[Size]:
    yield _upright(struct.unpack_from(">II", data, 4))


def _webp(data: bytes) -> Iterator[Size]:
    kind, body = data[12:16], data[20:30]
    if len(body) < _WEBP_START_BYTES:
        return
    if kind == b"VP8X":
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        yield height, width
    elif kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        yield ((bits >> 14) & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        yield height & 0x3FFF, width & 0x3FFF


def _pnm(data: bytes) -> Iterator[Size]:
    # No picture begins with so many comments; a number that is cut off here is none.
    if found := _PNM.match(data[:_MOST_PNM_HEADER]):
        yield _number(found[2]), _number(found[1])


def _pam(data: bytes) -> Iterator[Size]:
    fields = (_PAM_HEIGHT, _PAM_WIDTH)
    height, width = (
        max((_number(found[1]) for found in field.finditer(data)), default=0) for field in fields
    )
    yield height, width


def _pfm(data: bytes) -> Iterator[Size]:
    if found := _PFM.match(data[:_MOST_PFM_HEADER]):
        yield _number(found[2]), _number(found[1])


def _hdr(data: bytes) -> Iterator[Size]:
    # Its lines are read in pieces, so that where the header ends depends on the reader.
    for found in _HDR_SIZE.finditer(data):
        yield _number(found[1]), _number(found[2])


def _exr(data: bytes) -> Iterator[Size]:
    for found in _EXR_WINDOW.finditer(data):
        left, top, right, bottom = struct.unpack("<iiii", found[1])
        yield bottom - top + 1, right - left + 1


def _jpeg2000(data: bytes) -> Iterator[Size]:
    # The codestream decides, wherever in its boxes a JP2 holds it; no coded data looks like it.
    for found in _J2K_SIZE.finditer(data):
        right, bottom, left, top = struct.unpack(">IIII", found[1])
        yield bottom - top, right - left


def _avif(data: bytes) -> Iterator[Size]:
    for found in _AVIF_SIZE.finditer(data):
        yield _upright(struct.unpack(">II", found[1]))
    for found in _AVIF_TRACK.finditer(data):
        start = found.start() - 4
        end = start + int.from_bytes(data[start : start + 4], "big")
        if 12 <= end <= len(data):
            width, height = struct.unpack_from(">II", data, end - 8)
            yield height >> 16, width >> 16


def _tiff(data: bytes) -> Iterator[Size]:
    order = "<" if data[:2] == b"II" else ">"
    values = list(_tiff_values(data, order))
    # Room is made for a tile, too, which may be larger than the image.
    for width_tag, height_tag in zip(_TIFF_WIDTHS, _TIFF_HEIGHTS, strict=True):
        width = max((value for tag, value in values if tag == width_tag), default=0)
        height = max((value for tag, value in values if tag == height_tag), default=0)
        yield height, width


def _tiff_values(data: bytes, order: str) -> Iterator[tuple[int, int]]:
    """Yield tag and value of everything in the first directory that may be a side."""
    if data[2:4].strip(b"\0") == b"\x2b":
        head, count, entry, inline = "Q", "Q", "HHQ", 8
        start = struct.unpack_from(order + head, data, 8)[0]
    else:
        head, count, entry, inline = "I", "H", "HHI", 4
        start = struct.unpack_from(order + head, data, 4)[0]
    first = start + struct.calcsize(order + count)
    step = struct.calcsize(order + entry) + inline
    # As many as the file has room for, whatever it claims; libtiff takes no more than these either.
    claimed = min(struct.unpack_from(order + count, data, start)[0], _MOST_TIFF_ENTRIES)
    for at in range(first, min(first + claimed * step, len(data) - step + 1), step):
        tag, kind, _ = struct.unpack_from(order + entry, data, at)
        size = _TIFF_BYTES.get(kind, 0)
        if size and tag in (*_TIFF_WIDTHS, *_TIFF_HEIGHTS):
            place = at + step - inline
            if size > inline:
                place = struct.unpack_from(order + "I", data, place)[0]
            raw = data[place : place + size]
            yield tag, int.from_bytes(raw, "little" if order == "<" else "big")


def _upright(sides: Iterable[Any]) -> Size:
    width, height = sides
    return abs(int(height)), abs(int(width))


def _number(digits: bytes) -> int:
    # Python refuses to read thousands of digits; any number so long is too large all the same.
    return int(digits[:_MOST_DIGITS]) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS


_READERS: tuple[tuple[bytes, Callable[[bytes], Iterator[Size]]], ...] = (
    (rb"\x89PNG\r\n\x1a\n", _png),
    (rb"BM", _bmp),
    (rb"GIF8[79]a", _gif),
    (rb"RIFF.{4}WEBP", _webp),
    (rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]", _tiff),
    (rb"P[1-6]\s", _pnm),
    (rb"P7\s", _pam),
    (rb"P[Ff]\s", _pfm),
    (rb".{4}ftyp", _avif),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", _jpeg2000),
    (rb"#\?R(?:GBE|ADIANCE)", _hdr),
    (rb"\x59\xa6\x6a\x95", _sun),
    (rb"\x76\x2f\x31\x01", _exr),
)
