"""Which of libjpeg's complaints make an image bad: one rule for both decoders.

Data that ends early, Huffman and restart-marker damage: bad. Oddities that leave every block of the
picture intact (JFIF major version, Adobe transform, bytes between segments or after the end): not.

Bytes left over when a scan has given all its blocks can be both. A few of them, or a run of one
value, are padding, as some cameras write it. More is how a broken code shows that happened to fall
back into step.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamcalib.pixels.entropy import find_broken_codes
from streamcalib.pixels.jpeg_header import later_markers, without_oddities
from streamcalib.pixels.turbo import SimpleJpeg, TurboError

if TYPE_CHECKING:
    from streamcalib.pixels.jpeg_header import JpegHeader

_LEFTOVER = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
_DAMAGE = re.compile(r"Corrupt JPEG data|Premature end|Inconsistent progression")
_RESTARTS = range(0xD0, 0xD8)
_END, _NO_END = b"\xff\xd9", "Premature end of JPEG file"
_IN_ONE_SCAN = frozenset({0xC0, 0xC1, 0xC9})
_TRIES = 16
_MOST_PADDING_BYTES = 8


def find_damage(data: bytes, header: JpegHeader) -> str | None:
    """Return what libjpeg says is wrong with the picture's data, or None if it is whole."""
    picture = without_oddities(data, header)
    scans = len(picture) - (len(data) - header.segments[-1].end)
    message = _first_damage(picture, header, scans)
    if message is None or _DAMAGE.search(message):
        return message
    # What TurboJPEG refuses without calling it corrupt (an unusual sampling, a second picture
    # behind the first) is for OpenCV to judge, but for a missing end, which OpenCV may pass over,
    # and for damage, which the refusal hides.
    if picture.find(_END, scans) < 0:
        return _NO_END
    if header.frame in _IN_ONE_SCAN and _brings_all(data, header):
        # OpenCV has the whole picture then, and does not look at what follows.
        _, place, _ = next(later_markers(picture, scans))
        picture = picture[:place] + _END
        message = _first_damage(picture, header, scans)
        if message is None or _DAMAGE.search(message):
            return message
    return find_broken_codes(picture, _is_padding)


def _brings_all(data: bytes, header: JpegHeader) -> bool:
    """Whether the first scan brings all components."""
    return data[header.segments[-1].start] == header.components


def _first_damage(picture: bytes, header: JpegHeader, scans: int) -> str | None:
    """Return why TurboJPEG does not take the picture; harmless bytes left over are no reason.

    libjpeg-turbo only tells its first warning, so that a harmless one would hide damage behind it:
    header oddities were mended before, and bytes left over between scans are cut out.
    """
    for _ in range(_TRIES):
        message = _complaint(picture, header)
        found = _LEFTOVER.search(message or "")
        if message is None or found is None or int(found[2], 16) in _RESTARTS:
            return message
        count = int(found[1])
        end = _leftover_end(picture, header, scans, count, int(found[2], 16))
        if end is None or not _is_padding(picture[end - count : end]):
            return message
        picture = picture[: end - count] + picture[end:]
    return message


def _is_padding(leftover: bytes) -> bool:
    return len(leftover) <= _MOST_PADDING_BYTES or len(set(leftover[1:])) == 1


def _leftover_end(
    picture: bytes, header: JpegHeader, scans: int, count: int, marker: int
) -> int | None:
    """Return the place of the ``marker`` before which cutting ``count`` bytes ends a complaint."""
    before = _complaint(picture, header)
    for start, place, found in later_markers(picture, scans):
        if found == marker and place - start >= count:
            shorter = picture[: place - count] + picture[place:]
            if _complaint(shorter, header) != before:
                return place
    return None


def _complaint(data: bytes, header: JpegHeader) -> str | None:
    try:
        SimpleJpeg().decode(data, "CMYK" if header.components == 4 else "RGB")
    except TurboError as error:
        return str(error)
    return None
