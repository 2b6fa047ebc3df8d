"""EXIF orientation: when a tag is plain enough to be applied here, and how it turns an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from streamcalib.pixels.jpeg_header import APP1

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.pixels.jpeg_header import JpegHeader

_NAME = b"Exif\0\0"
_ORIENTATION_TAG = 0x0112
_SHORT = 3
_RATIONAL = 5
# Tags whose values OpenCV reads as so many rationals, whatever type and count an entry claims.
_RATIONALS = {0x011A: 1, 0x011B: 1, 0x013E: 2, 0x013F: 6, 0x0211: 3, 0x0214: 6}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_FLIPS = {2: 1, 3: -1, 4: 0}
_ROTATIONS = {6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


def plain_orientation(data: bytes, header: JpegHeader) -> int | None:
    """Return the EXIF orientation 1 to 8 of a JPEG, or None if it takes OpenCV to tell.

    Plain is: no Exif block (1), or a single one, before any other APP1 segment such as XMP, whose
    first directory is well-formed and has no orientation (1) or one, a SHORT of 1 to 8. Anything
    else (XMP first, several blocks, other types or values, offsets out of the block) is read
    differently by different readers, and OpenCV is the reference.
    """
    blocks = [data[part.start : part.end] for part in header.segments if part.marker == APP1]
    exif = [block for block in blocks if _may_be_exif(block)]
    if not exif:
        return 1
    if len(exif) > 1 or exif[0] is not blocks[0] or exif[0][:6] != _NAME:
        return None
    return _first_directory(exif[0][6:])


def _may_be_exif(block: bytes) -> bool:
    # OpenCV 4 does not look at the name.
    return block[:6] == _NAME or block[6:8] in (b"II", b"MM")


def _first_directory(tiff: bytes) -> int | None:
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(tiff[:4])
    if order is None:
        return None

    def number(start: int, size: int) -> int:
        return int.from_bytes(tiff[start : start + size], order)  # type: ignore[arg-type]

    start = number(4, 4)
    end = start + 2 + 12 * number(start, 2)
    if start < 8 or end > len(tiff):
        return None
    orientation = None
    for entry in range(start + 2, end, 12):
        tag, kind, count = number(entry, 2), number(entry + 2, 2), number(entry + 4, 4)
        size = _TYPE_BYTES.get(kind, 0) * count
        if size == 0 or (size > 4 and number(entry + 8, 4) + size > len(tiff)):
            return None
        if tag in _RATIONALS and (kind, count) != (_RATIONAL, _RATIONALS[tag]):
            return None
        if tag == _ORIENTATION_TAG:
            value = number(entry + 8, 2)
            if orientation is not None or (kind, count) != (_SHORT, 1) or not 1 <= value <= 8:
                return None
            orientation = value
    return orientation or 1


def apply_orientation(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn an image (H, W, 3) upright for an EXIF orientation 1 to 8 (Exif 2.32, tag 274).

    5 to 8 exchange height and width. The same values as OpenCV's, which only moves pixels too.
    """
    if orientation in _FLIPS:
        turned = cv2.flip(image, _FLIPS[orientation])
    elif orientation in _ROTATIONS:
        turned = cv2.rotate(image, _ROTATIONS[orientation])
    elif orientation == 5:
        turned = cv2.transpose(image)
    elif orientation == 7:
        turned = cv2.flip(cv2.transpose(image), -1)
    else:
        return image
    # OpenCV drops nothing for three channels, but its stubs only promise a Mat.
    return np.asarray(turned, np.uint8)
