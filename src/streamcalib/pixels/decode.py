"""Bytes of an image file to upright RGB or BGR pixels, bit for bit as OpenCV reads them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal, NamedTuple

import cv2
import imagesize
import numpy as np

from streamcalib.errors import ImageError
from streamcalib.pixels.damage import find_damage
from streamcalib.pixels.jpeg_header import is_jpeg, read_header
from streamcalib.pixels.orientation import apply_orientation, plain_orientation
from streamcalib.pixels.turbo import TurboDecoder, TurboError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.pixels.jpeg_header import JpegHeader
    from streamcalib.recipe import ChannelOrder, Orientation

MAX_PIXELS = 178_956_970
"""Default limit on the pixels of one image: what 512 MiB holds at three bytes, as in Pillow."""

Route = Literal["turbo", "opencv-jpeg", "opencv-other"]
"""How an image was decoded: by libjpeg-turbo, or by OpenCV as an odd JPEG or another format."""


class Decoded(NamedTuple):
    """An upright image (H, W, 3), 0..255, and how it was decoded."""

    image: NDArray[np.uint8]
    route: Route


def decode(
    data: bytes,
    decoder: TurboDecoder,
    *,
    channel_order: ChannelOrder = "RGB",
    orientation: Orientation = "opencv",
    max_pixels: int = MAX_PIXELS,
    tolerate_damage: bool = False,
) -> Decoded:
    """Decode an image file exactly as ``cv2.imdecode(data, IMREAD_COLOR)`` of OpenCV 5 does.

    Parameters
    ----------
    data
        The whole file. JPEG goes through ``decoder``; what TurboJPEG cannot give as RGB (CMYK,
        odd EXIF blocks, arithmetic coding, other formats) goes through OpenCV.
    decoder
        A strict libjpeg-turbo decoder.
    channel_order, orientation
        As in the recipe.
    max_pixels
        Limit on height times width, checked before memory is taken.
    tolerate_damage
        Take what ``cv2.imread`` gives for a damaged JPEG instead of refusing it.

    Raises
    ------
    ImageError
        If the data is empty, no image, damaged, or larger than the limit; the message says which.
    """
    if not data:
        raise ImageError("the file is empty")
    if not is_jpeg(data):
        _check_other_size(data, max_pixels)
        return Decoded(_opencv(data, channel_order, orientation, max_pixels), "opencv-other")
    header = read_header(data)
    if header is None:
        raise ImageError("damaged JPEG: it ends or breaks inside its header")
    _check_size(header.height, header.width, max_pixels)
    turn = plain_orientation(data, header) if orientation == "opencv" else 1
    if header.is_common and turn is not None:
        try:
            return Decoded(apply_orientation(decoder.decode(data, channel_order), turn), "turbo")
        except TurboError:
            pass
    return _odd_jpeg(data, header, channel_order, orientation, max_pixels, tolerate_damage)


def _odd_jpeg(
    data: bytes,
    header: JpegHeader,
    channel_order: ChannelOrder,
    orientation: Orientation,
    max_pixels: int,
    tolerate_damage: bool,
) -> Decoded:
    damage = find_damage(data, header)
    if damage is not None:
        if not tolerate_damage:
            raise ImageError(f"damaged JPEG: {damage}")
        # Reading a file, OpenCV's libjpeg ends cut data by itself; from memory it gives up.
        data += b"\xff\xd9"
    return Decoded(_opencv(data, channel_order, orientation, max_pixels), "opencv-jpeg")


def _opencv(
    data: bytes, channel_order: ChannelOrder, orientation: Orientation, max_pixels: int
) -> NDArray[np.uint8]:
    flags = cv2.IMREAD_COLOR
    if orientation == "ignore":
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f"OpenCV cannot decode it: {error.err}") from error
    if image is None:
        raise ImageError("not an image that OpenCV can read, or a damaged one")
    _check_size(image.shape[0], image.shape[1], max_pixels)
    if channel_order == "RGB":
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
    return np.asarray(image, np.uint8)


def _check_other_size(data: bytes, max_pixels: int) -> None:
    try:
        width, height = imagesize.get(io.BytesIO(data))
    except Exception:  # noqa: BLE001
        # A header that imagesize stumbles over is for OpenCV to judge, under OpenCV's own limit.
        return
    _check_size(height, width, max_pixels)


def _check_size(height: float, width: float, max_pixels: int) -> None:
    if height > 0 and width > 0 and height * width > max_pixels:
        raise ImageError(
            f"{width:.0f}x{height:.0f} pixels are over the limit of {max_pixels} (--max-pixels)"
        )
