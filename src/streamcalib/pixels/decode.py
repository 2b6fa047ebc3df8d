"""Bytes of an image file to upright RGB or BGR pixels, bit for bit as OpenCV reads them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import cv2
import numpy as np

from streamcalib.errors import ImageError, StoppedError
from streamcalib.pixels.claimed_size import claimed_size
from streamcalib.pixels.damage import find_damage
from streamcalib.pixels.jpeg_header import is_complete, is_jpeg, plain_size, read_header
from streamcalib.pixels.limit import check_size
from streamcalib.pixels.orientation import apply_orientation, plain_orientation
from streamcalib.pixels.png_chunks import is_png, without_words
from streamcalib.pixels.turbo import TurboDecoder, TurboError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from streamcalib.pixels.jpeg_header import JpegHeader
    from streamcalib.recipe_fields import ChannelOrder, Orientation

MAX_PIXELS = 178_956_970
"""Default limit on the pixels of one image: what 512 MiB holds at three bytes, as in Pillow."""

_NO_IMAGE = "not an image that OpenCV can read, or a damaged one"

_PAST_THE_END = b"\xff\xd9" * (0xFFFF // 2 + 2)
"""What libjpeg reads past the end of a file, as long as the longest segment."""

Route = Literal["turbo", "opencv-jpeg", "opencv-other", "pillow"]
"""How an image was decoded: by libjpeg-turbo, by OpenCV as an odd JPEG or another format, or by
Pillow, as its recipe says. Journals know a route by its place here."""


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
    window: Callable[[int, int], NDArray[np.uint8] | None] | None = None,
) -> Decoded:
    """Decode an image file exactly as ``cv2.imdecode(data, IMREAD_COLOR)`` of OpenCV 5 does.

    Parameters
    ----------
    data
        The whole file. JPEG goes through ``decoder``; what TurboJPEG cannot give as OpenCV does
        (CMYK, odd EXIF blocks, arithmetic coding, progressive scans that stop before full
        precision, other formats) goes through OpenCV.
    decoder
        A strict libjpeg-turbo decoder.
    channel_order, orientation
        As in the recipe.
    max_pixels
        Limit on height times width, checked before memory is taken.
    tolerate_damage
        Take what ``cv2.imread`` gives for a damaged JPEG instead of refusing it.
    window
        Asked once for where an image of this height and width shall be decoded to, if it can be
        decoded straight to anywhere: C-contiguous, or None. The image is then that array itself.

    Raises
    ------
    ImageError
        If the data is empty, no image, damaged, or larger than the limit; the message says which.
    """
    if not data:
        raise ImageError("the file is empty")
    if not is_jpeg(data):
        size = claimed_size(data)
        if size is None:
            raise ImageError(_NO_IMAGE)
        check_size(*size, max_pixels)
        data = without_words(data) if is_png(data) else data
        return Decoded(_opencv(data, channel_order, orientation, max_pixels), "opencv-other")
    turn, header = 1, None
    size = plain_size(data)
    if size is None:
        header = read_header(data + _PAST_THE_END if tolerate_damage else data)
        if header is None:
            raise ImageError("damaged JPEG: it ends or breaks inside its header")
        size = header.height, header.width
        turn = _turn(data, header, orientation)
    check_size(*size, max_pixels)
    if turn:
        out = window(*size) if window is not None and turn == 1 else None
        try:
            image = decoder.decode(data, channel_order, out)
            return Decoded(apply_orientation(image, turn), "turbo")
        except TurboError:
            pass
    if not tolerate_damage:
        _check_damage(data, header or read_header(data))
    read = _imread if tolerate_damage else _imdecode
    return Decoded(_opencv(data, channel_order, orientation, max_pixels, read), "opencv-jpeg")


def _turn(data: bytes, header: JpegHeader, orientation: Orientation) -> int:
    """Return the EXIF orientation with which TurboJPEG gives what OpenCV does, or 0 if none."""
    turn = plain_orientation(data, header) if orientation == "opencv" else 1
    return turn if turn and header.is_common and is_complete(data, header) else 0


def _check_damage(data: bytes, header: JpegHeader | None) -> None:
    damage = None if header is None else find_damage(data, header)
    if damage is not None:
        raise ImageError(f"damaged JPEG: {damage}")


def _imdecode(data: bytes, flags: int) -> Any:
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def _imread(data: bytes, flags: int) -> Any:
    # Of a damaged JPEG, OpenCV makes more from a file than from memory.
    try:
        with TemporaryDirectory(prefix="streamcalib-") as folder:
            file = Path(folder, "image.jpg")
            file.write_bytes(data)
            return cv2.imread(str(file), flags)
    except OSError as error:
        raise StoppedError(
            f"the folder for temporary files does not take an image: {error.strerror or error}. "
            "Free space there, or set TMPDIR to another folder."
        ) from error


def _opencv(
    data: bytes,
    channel_order: ChannelOrder,
    orientation: Orientation,
    max_pixels: int,
    read: Callable[[bytes, int], Any] = _imdecode,
) -> NDArray[np.uint8]:
    flags = cv2.IMREAD_COLOR
    if orientation == "ignore":
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = read(data, flags)
    except cv2.error as error:
        # Its attributes are the class's, and other threads overwrite them; its text is its own.
        reason = " ".join(str(error).rpartition(" error: ")[2].split())
        raise ImageError(f"OpenCV cannot decode it: {printable(reason)}") from error
    if image is None:
        raise ImageError(_NO_IMAGE)
    check_size(image.shape[0], image.shape[1], max_pixels)
    if channel_order == "RGB":
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
    return np.asarray(image, np.uint8)
