"""Perceptual hashes of one image: bits that hardly change if it is encoded anew or resized.

They are two well-known ones. pHash: which of the lowest frequencies of a small grey picture are
above their median. dHash: where the picture gets brighter to the right, and downwards. A JPEG is
decoded at the smallest of libjpeg's scales that leaves as many pixels as are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import simplejpeg

from streamcalib.errors import ImageError
from streamcalib.pixels.claimed_size import claimed_size
from streamcalib.pixels.damage import find_damage
from streamcalib.pixels.decode import MAX_PIXELS
from streamcalib.pixels.jpeg_header import is_complete, is_jpeg, read_header
from streamcalib.pixels.orientation import apply_orientation, plain_orientation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.pixels.jpeg_header import JpegHeader

HASH_NAME = "pHash of 64 bits; dHash of 128 bits, which may differ in twice as many"
HASH_BYTES = 24
"""Eight of pHash, sixteen of dHash."""

_SIDE = 32
_LOWEST = 8
_STEPS = 8
_REDUCED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
}


def perceptual_hash(data: bytes, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """Return the hashes of an image file, `HASH_BYTES` long.

    Parameters
    ----------
    data
        The whole file. EXIF orientation is applied.
    max_pixels
        Limit on height times width, checked before memory is taken.

    Raises
    ------
    ImageError
        If it is empty, no image, damaged, or larger than the limit.
    """
    return grey_hash(_grey(data, max_pixels))


def grey_hash(grey: NDArray[np.uint8]) -> bytes:
    """Return the hashes, `HASH_BYTES` long, of a grey picture (H, W), upright."""
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:_LOWEST, :_LOWEST].ravel()
    # The first is the mean brightness, which tells nothing of what is seen.
    above = waves[1:] > np.median(waves[1:])
    steps = cv2.resize(
        small.astype(np.float32), (_STEPS + 1, _STEPS + 1), interpolation=cv2.INTER_AREA
    )
    rightwards = steps[:-1, 1:] > steps[:-1, :-1]
    downwards = steps[1:, :-1] > steps[:-1, :-1]
    return b"".join(np.packbits(bits).tobytes() for bits in (above, rightwards, downwards))


def _grey(data: bytes, max_pixels: int) -> NDArray[np.uint8]:
    if not data:
        raise ImageError("the file is empty")
    if is_jpeg(data):
        return _grey_jpeg(data, max_pixels)
    size = claimed_size(data)
    if size is None:
        raise ImageError("not an image that OpenCV can read, or a damaged one")
    _check(*size, max_pixels)
    # OpenCV reduces other formats after decoding, by leaving pixels out: no gain, and worse hashes.
    return _opencv(data, cv2.IMREAD_GRAYSCALE)


def _grey_jpeg(data: bytes, max_pixels: int) -> NDArray[np.uint8]:
    header = read_header(data)
    if header is None:
        raise ImageError("damaged JPEG: it ends or breaks inside its header")
    _check(header.height, header.width, max_pixels)
    turn = plain_orientation(data, header)
    if turn and header.is_common and is_complete(data, header):
        try:
            grey = simplejpeg.decode_jpeg(data, "GRAY", min_height=_SIDE, min_width=_SIDE)
            return apply_orientation(grey[..., 0], turn)
        except ValueError:
            pass
    damage = find_damage(data, header)
    if damage is not None:
        raise ImageError(f"damaged JPEG: {damage}")
    return _opencv(data, _reduced(header))


def _reduced(header: JpegHeader) -> int:
    scale = min(header.height, header.width) // _SIDE
    return next((flag for by, flag in _REDUCED.items() if scale >= by), cv2.IMREAD_GRAYSCALE)


def _opencv(data: bytes, flags: int) -> NDArray[np.uint8]:
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError("OpenCV cannot decode it") from error
    if grey is None:
        raise ImageError("not an image that OpenCV can read, or a damaged one")
    return np.asarray(grey, np.uint8)


def _check(height: int, width: int, max_pixels: int) -> None:
    if height * width > max_pixels:
        raise ImageError(f"{width}x{height} pixels are over the limit of {max_pixels}")
