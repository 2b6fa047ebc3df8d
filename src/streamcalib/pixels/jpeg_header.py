"""The segments of a JPEG up to its first scan (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = frozenset({0xC0, 0xC1})
# Segments that decide nothing about how an image is decoded: tables, comments, APPn but APP1.
_PLAIN = frozenset({0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}) - {0xE1}
_HUFFMAN_8_BIT = frozenset({0xC0, 0xC1, 0xC2})
_PROGRESSIVE = 0xC2
_COEFFICIENTS = 64
_MARKER_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_EOI = 0xD9
SOS = 0xDA
APP0 = 0xE0
APP1 = 0xE1
APP2 = 0xE2
APP14 = 0xEE


class Segment(NamedTuple):
    """One marker segment: ``data[start:end]`` is its payload, after the two length bytes."""

    marker: int
    start: int
    end: int


class JpegHeader(NamedTuple):
    """What the header of a JPEG says.

    Attributes
    ----------
    height, width
        Size as stored, in pixels, before any EXIF rotation.
    components
        Number of colour components: 1, 3 or 4.
    frame
        Marker of the frame header, 0xC0 to 0xCF.
    segments
        All segments up to and with the first scan header.
    """

    height: int
    width: int
    components: int
    frame: int
    segments: tuple[Segment, ...]

    @property
    def is_common(self) -> bool:
        """Whether TurboJPEG gives it as RGB: grey or three components, Huffman-coded."""
        return self.components in (1, 3) and self.frame in _HUFFMAN_8_BIT


def is_jpeg(data: bytes) -> bool:
    """Whether OpenCV takes ``data`` for a JPEG: it starts with FF D8 FF."""
    return data[:3] == b"\xff\xd8\xff"


def read_header(data: bytes) -> JpegHeader | None:
    """Return the header of a JPEG, or None if the data ends or breaks before its first scan.

    Bytes between segments are passed over, as libjpeg does.
    """
    segments: list[Segment] = []
    frame: tuple[int, int, int, int] | None = None
    position = 2
    while (found := data.find(b"\xff", position)) >= 0:
        position = found + 1
        while position < len(data) and data[position] == 0xFF:
            position += 1
        if position + 2 >= len(data):
            return None
        marker = data[position]
        position += 1
        if marker == 0 or marker in _STANDALONE:
            continue
        if marker in (0xD8, 0xD9):
            return None
        length = int.from_bytes(data[position : position + 2], "big")
        segment = Segment(marker, position + 2, position + max(length, 2))
        if segment.end > len(data):
            return None
        segments.append(segment)
        position = segment.end
        if marker in _FRAMES:
            frame = _read_frame(data, segment)
        if marker == SOS:
            return None if frame is None else JpegHeader(*frame, tuple(segments))
    return None


def plain_size(data: bytes) -> tuple[int, int] | None:
    """Return height and width of the plainest kind of JPEG, or None if it takes `read_header`.

    Plain is: grey or three components, sequential with Huffman codes, no APP1 segment (which might
    be Exif), and nothing between segments. Most photographs of data sets are; for them this says
    what `read_header` says, in a fifth of the time.
    """
    size = None
    position = 2
    try:
        while data[position] == 0xFF:
            marker = data[position + 1]
            length = data[position + 2] << 8 | data[position + 3]
            end = position + 2 + length
            if marker == SOS:
                return size if length >= 2 and end <= len(data) else None
            if marker in _SEQUENTIAL:
                if size is not None or length < 8 or data[position + 9] not in (1, 3):
                    return None
                height = data[position + 5] << 8 | data[position + 6]
                width = data[position + 7] << 8 | data[position + 8]
                if not height or not width:
                    return None
                size = (height, width)
            elif marker not in _PLAIN or length < 2:
                return None
            position = end
    except IndexError:
        pass
    return None


def is_complete(data: bytes, header: JpegHeader) -> bool:
    """Whether the scans bring every coefficient of a block to full precision.

    A sequential JPEG's always do. Where a progressive one stops before, libjpeg smooths over the
    missing detail, and its versions differ in how.
    """
    if header.frame != _PROGRESSIVE:
        return True
    exact: set[tuple[int, int]] = set()
    for scan in _scan_headers(data, header):
        # Components and their tables stand between their number and three bytes of parameters.
        components, (first, last, approximation) = scan[1:-3:2], scan[-3:]
        if approximation & 15 == 0:
            reached = range(first, min(last, _COEFFICIENTS - 1) + 1)
            exact.update((component, index) for component in components for index in reached)
    return len(exact) == header.components * _COEFFICIENTS


def later_markers(data: bytes, position: int) -> Iterator[tuple[int, int, int]]:
    """Yield ``(start, place, marker)`` of every marker behind the first scan header's end.

    ``place`` is where the marker stands, ``start`` where what precedes it begins: a scan's data,
    or whatever lies behind a segment. Restart markers belong to the data. Ends with the image.
    """
    while found := _MARKER_AFTER_SCAN.search(data, position):
        marker = data[found.end() - 1]
        yield position, found.start(), marker
        if marker == _EOI:
            return
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        position = found.end() + max(length, 2)


def _scan_headers(data: bytes, header: JpegHeader) -> Iterator[bytes]:
    _, start, end = header.segments[-1]
    if start + 3 <= end <= len(data):
        yield data[start:end]
    for _, place, marker in later_markers(data, end):
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == SOS and length >= 5 and place + 2 + length <= len(data):
            yield data[place + 4 : place + 2 + length]


def without_oddities(data: bytes, header: JpegHeader) -> bytes:
    """Return the same picture with the header oddities mended that libjpeg only warns about.

    Bytes between segments go, and so do colour profiles, broken or not; the JFIF major version
    becomes 1; an unknown Adobe transform becomes the one libjpeg assumes; scan parameters that a
    sequential JPEG ignores become 0, 63, 0. What libjpeg decodes stays the same, so that any
    warning left is about the picture's own data.
    """
    parts = [b"\xff\xd8"]
    for segment in header.segments:
        payload = bytearray(data[segment.start : segment.end])
        if segment.marker == APP2 and payload.startswith(b"ICC_PROFILE\0"):
            continue
        if segment.marker == APP0 and payload[:5] == b"JFIF\0" and len(payload) > 5:
            payload[5] = 1
        elif segment.marker == APP14 and payload[:5] == b"Adobe" and len(payload) >= 12:
            assumed = 2 if header.components == 4 else 1
            payload[11] = payload[11] if payload[11] in (0, assumed) else assumed
        elif segment.marker == SOS and header.frame in _SEQUENTIAL and len(payload) >= 3:
            payload[-3:] = b"\x00\x3f\x00"
        parts.append(b"\xff" + bytes([segment.marker]) + (len(payload) + 2).to_bytes(2, "big"))
        parts.append(bytes(payload))
    return b"".join([*parts, data[header.segments[-1].end :]])


def _read_frame(data: bytes, segment: Segment) -> tuple[int, int, int, int] | None:
    payload = data[segment.start : segment.end]
    if len(payload) < 6:
        return None
    height = int.from_bytes(payload[1:3], "big")
    width = int.from_bytes(payload[3:5], "big")
    return (height, width, payload[5], segment.marker) if height and width else None
