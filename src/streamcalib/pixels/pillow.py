"""Bytes of an image file to pixels as Pillow reads them, by the same rules for bad images."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.errors import ImageError
from streamcalib.pixels.claimed_size import claimed_size
from streamcalib.pixels.damage import find_damage
from streamcalib.pixels.jpeg_header import APP1, is_jpeg, read_header
from streamcalib.pixels.limit import check_size
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

    from streamcalib.pixels.jpeg_header import JpegHeader
    from streamcalib.recipe_fields import ChannelOrder

    Opener = tuple[Callable[..., ImageFile], Callable[[bytes], bool | str] | None]

# Those that OpenCV reads as well: the size that their headers claim is known beforehand. None of
# them runs another program, as Pillow's readers of PostScript and movies do.
_FORMATS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "BMP": "BmpImagePlugin",
    "GIF": "GifImagePlugin",
    "WEBP": "WebPImagePlugin",
    "TIFF": "TiffImagePlugin",
    "PPM": "PpmImagePlugin",
    "AVIF": "AvifImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
}
_PREFIX_BYTES = 16
_NO_IMAGE = "not an image that Pillow can read, or a damaged one"
_BROKEN_HEADER = "damaged JPEG: it ends or breaks inside its header"


def decode_with_pillow(
    data: bytes,
    *,
    channel_order: ChannelOrder = "RGB",
    max_pixels: int,
    tolerate_damage: bool = False,
) -> NDArray[np.uint8]:
    """Decode an image file exactly as ``Image.open(file).convert("RGB")`` of Pillow does.

    Parameters
    ----------
    data
        The whole file: JPEG, PNG, BMP, GIF, WebP, TIFF, PPM, AVIF or JPEG 2000.
    channel_order
        As in the recipe. The image is not turned, whatever its EXIF block says.
    max_pixels
        Limit on height times width, checked before memory is taken. Pillow's own limit counts for
        WebP and TIFF alone, which it asks where nobody can tell it not to.
    tolerate_damage
        Take what Pillow gives for a damaged JPEG instead of refusing it.

    Returns
    -------
    numpy.ndarray
        (H, W, 3), 0..255, perhaps read-only.

    Raises
    ------
    ImageError
        If the data is empty, no image, damaged, or larger than the limit; the message says which.
    """
    if not data:
        raise ImageError("the file is empty")
    data = _checked(data, max_pixels, tolerate_damage)
    try:
        with _open(data) as image:
            width, height = image.size
            check_size(height, width, max_pixels)
            image.load()
            if isinstance(image.info.get("transparency"), bytes):
                # Of no account for RGB, and Pillow would warn of it, for the whole process.
                del image.info["transparency"]
            pixels = np.asarray(image.convert("RGB"), np.uint8)
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        raise ImageError(f"Pillow cannot decode it: {printable(str(error))}") from error
    return pixels if channel_order == "RGB" else pixels[..., ::-1]


def _checked(data: bytes, max_pixels: int, tolerate_damage: bool) -> bytes:
    """Return what Pillow is to read.

    What claims to be too large is refused, and so are damaged JPEGs, of which Pillow says nothing.
    """
    if not is_jpeg(data):
        size = claimed_size(data)
        if size is None:
            raise ImageError(_NO_IMAGE)
        check_size(*size, max_pixels)
        return data
    header = read_header(data)
    if header is None:
        raise ImageError(_BROKEN_HEADER)
    check_size(header.height, header.width, max_pixels)
    damage = None if tolerate_damage else find_damage(data, header)
    if damage is not None:
        raise ImageError(f"damaged JPEG: {damage}")
    return _without_exif(data, header)


def _without_exif(data: bytes, header: JpegHeader) -> bytes:
    """Return a JPEG without its APP1 segments.

    They say nothing of pixels, and of odd ones Pillow warns through `warnings`, which belong to the
    whole process and may be errors there.
    """
    parts, start = [], 0
    for segment in header.segments:
        if segment.marker == APP1:
            # A marker and a length of two bytes each stand before what a segment holds.
            parts.append(data[start : segment.start - 4])
            start = segment.end
    return b"".join([*parts, data[start:]]) if parts else data


def _open(data: bytes) -> ImageFile:
    # Not Image.open, which has a limit of its own, known to the whole process.
    prefix = data[:_PREFIX_BYTES]
    for opener, accepts in _openers():
        if accepts is None or accepts(prefix) is True:
            return opener(BytesIO(data), "")
    raise ImageError(_NO_IMAGE)


@cache
def _openers() -> tuple[Opener, ...]:
    from importlib import import_module

    from PIL import Image

    for module in _FORMATS.values():
        import_module(f"PIL.{module}")
    known: dict[str, Any] = Image.OPEN
    return tuple(known[name] for name in _FORMATS if name in known)


def describe_pillow() -> str:
    """Return Pillow's version and that of its JPEG library, for the manifest."""
    from PIL import __version__, features

    library = features.version("libjpeg_turbo") or features.version("jpg")
    return f"Pillow {__version__}, libjpeg-turbo {library or 'of unknown version'}"
