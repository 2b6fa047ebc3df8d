"""Which of libjpeg's complaints make an image bad: one rule for both decoders.

Data that ends early, Huffman and restart-marker damage: bad. Oddities that leave every block of the
picture intact (JFIF major version, Adobe transform, bytes between segments or after the end): not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamcalib.pixels.jpeg_header import without_oddities
from streamcalib.pixels.turbo import SimpleJpeg, TurboError

if TYPE_CHECKING:
    from streamcalib.pixels.jpeg_header import JpegHeader

_LEFTOVER = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
_DAMAGE = re.compile(r"Corrupt JPEG data|Premature end|Inconsistent progression")
_RESTARTS = range(0xD0, 0xD8)
_END = 0xD9
_TRIES = 16


def find_damage(data: bytes, header: JpegHeader) -> str | None:
    """Return what libjpeg says is wrong with the picture's data, or None if it is whole.

    libjpeg-turbo only tells its first warning, so that a harmless one would hide damage behind it:
    header oddities are mended first, and bytes left over between scans are cut out.
    """
    picture = without_oddities(data, header)
    scans = len(picture) - (len(data) - header.segments[-1].end)
    for _ in range(_TRIES):
        message = _complaint(picture, header)
        leftover = _LEFTOVER.search(message or "")
        if leftover is None or int(leftover[2], 16) in _RESTARTS:
            return _verdict(message, data)
        count, marker = int(leftover[1]), int(leftover[2], 16)
        if marker == _END:
            return None
        shorter = _without_leftover(picture, header, scans, count, marker)
        if shorter is None:
            return message
        picture = shorter
    return message


def _verdict(message: str | None, data: bytes) -> str | None:
    if message is None or _DAMAGE.search(message):
        return message
    # What simplejpeg refuses without calling it corrupt (an unusual sampling, arithmetic coding)
    # is for OpenCV to judge, but for a missing end, which OpenCV may pass over.
    return None if data.rfind(b"\xff\xd9") >= 0 else message


def _without_leftover(
    picture: bytes, header: JpegHeader, scans: int, count: int, marker: int
) -> bytes | None:
    """Cut ``count`` bytes before the one ``marker`` whose cutting silences the complaint."""
    before = _complaint(picture, header)
    position = scans
    while (position := picture.find(bytes([0xFF, marker]), position + 1)) >= 0:
        shorter = picture[: position - count] + picture[position:]
        if position - count >= scans and _complaint(shorter, header) != before:
            return shorter
    return None


def _complaint(data: bytes, header: JpegHeader) -> str | None:
    try:
        SimpleJpeg().decode(data, "CMYK" if header.components == 4 else "RGB")
    except TurboError as error:
        return str(error)
    return None
