"""Images as Pillow reads them, by the same rules for bad ones as everywhere."""

from __future__ import annotations

import warnings
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import zoo
from messages import text_of
from streamcalib.errors import ImageError
from streamcalib.pixels.decode import MAX_PIXELS
from streamcalib.pixels.pillow import decode_with_pillow, describe_pillow

PIXELS = MAX_PIXELS


def reference(data: bytes) -> np.ndarray | None:
    """Read as torchvision's ``pil_loader`` and timm's data sets do; None where Pillow refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(data)) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError):
            return None


def outcome(data: bytes, **options) -> np.ndarray | str:
    """Return the image, or why it is bad."""
    try:
        return decode_with_pillow(data, max_pixels=PIXELS, **options)
    except ImageError as error:
        return text_of(error)


def made(mode: str, form: str = "PNG", **options) -> bytes:
    """Encode a picture of one of Pillow's modes."""
    buffer = BytesIO()
    picture = Image.fromarray(zoo.picture(23, 31))
    if mode == "I;16":
        deep = np.arange(23 * 31, dtype=np.uint16).reshape(23, 31) * 91
        picture = Image.fromarray(deep)
    else:
        picture = picture.convert(mode)
    picture.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", zoo.names("picture"))
def test_pictures_are_pillows(name):
    """Every sound odd file that Pillow takes has its pixels; the others are bad images."""
    data = zoo.animals()[name].data
    expected, found = reference(data), outcome(data)
    if expected is None:
        assert "Pillow cannot decode it: " in found
    else:
        assert np.array_equal(found, expected)
        assert found.dtype == np.uint8


def test_nearly_all_pictures_are_taken():
    """The test above is not one of refusals alone."""
    names = zoo.names("picture")
    refused = [name for name in names if reference(zoo.animals()[name].data) is None]
    assert len(refused) < len(names) / 20


@pytest.mark.parametrize("name", zoo.jpeg_names("damaged"))
def test_damaged_jpegs_are_bad_though_pillow_may_take_them(name):
    """The rule is the one of every decoder, not Pillow's."""
    found = outcome(zoo.animals()[name].data)
    assert isinstance(found, str), name
    assert found.startswith(("damaged JPEG: ", "Pillow cannot decode it: "))


def test_damage_can_be_tolerated():
    """Then it is what Pillow makes of it."""
    taken = 0
    for name in zoo.jpeg_names("damaged"):
        data = zoo.animals()[name].data
        found = outcome(data, tolerate_damage=True)
        if not isinstance(found, str):
            assert np.array_equal(found, reference(data))
            taken += 1
    assert taken


@pytest.mark.parametrize("name", zoo.names("no image"))
def test_what_is_no_image_is_bad(name):
    """Text, cut files and nothing at all have a reason; what Pillow takes is as it takes it."""
    data = zoo.animals()[name].data
    found = outcome(data)
    if isinstance(found, str):
        assert found
    else:
        assert np.array_equal(found, reference(data))
        assert name == "png-flipped" or name.endswith("-cut")


@pytest.mark.parametrize(
    "data",
    [
        made("L"),
        made("1"),
        made("P"),
        made("LA"),
        made("RGBA"),
        made("I;16"),
        made("RGB", "GIF"),
        made("CMYK", "JPEG"),
        made("L", "JPEG"),
        made("CMYK", "TIFF"),
        made("RGB", "TIFF", compression="tiff_lzw"),
        made("RGB", "WEBP", lossless=True),
        made("RGB", "PPM"),
        made("RGB", "BMP"),
        made("RGB", "JPEG2000"),
        made("RGB", "AVIF"),
    ],
)
def test_every_mode_becomes_rgb(data):
    """Grey, palette, alpha, CMYK and 16-bit images are what ``convert("RGB")`` makes of them."""
    image = decode_with_pillow(data, max_pixels=PIXELS)
    assert image.shape == (23, 31, 3)
    assert np.array_equal(image, reference(data))


def test_exif_turns_nothing():
    """torchvision and timm do not look at it."""
    data = zoo.with_exif(zoo.jpeg(zoo.picture(23, 31)), zoo.oriented(6))
    assert decode_with_pillow(data, max_pixels=PIXELS).shape == (23, 31, 3)


def test_channels_can_come_the_other_way_round():
    """BGR is RGB from behind."""
    data = zoo.jpeg(zoo.picture(23, 31))
    rgb = decode_with_pillow(data, max_pixels=PIXELS)
    bgr = decode_with_pillow(data, channel_order="BGR", max_pixels=PIXELS)
    assert np.array_equal(bgr, rgb[..., ::-1])
    assert not np.array_equal(bgr, rgb)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_the_limit_is_exact(form):
    """An image of one pixel more than the limit is refused."""
    data = made("RGB", form)
    assert decode_with_pillow(data, max_pixels=23 * 31).shape == (23, 31, 3)
    with pytest.raises(ImageError) as caught:
        decode_with_pillow(data, max_pixels=23 * 31 - 1)
    assert text_of(caught.value) == "31x23 pixels are over the limit of 712 (--max-pixels)"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "AVIF"])
def test_pillows_own_limit_is_not_asked(form, monkeypatch):
    """It belongs to the whole process, and would be below what a user allows."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decode_with_pillow(made("RGB", form), max_pixels=PIXELS).shape == (23, 31, 3)


@pytest.mark.parametrize(
    "data", [zoo.png_claiming(60000, 60000), zoo.jpeg_claiming(60000, 60000)], ids=["png", "jpeg"]
)
def test_a_claim_is_refused_before_memory_is_taken(data):
    """A header that claims 3.6 gigapixels costs nothing."""
    with pytest.raises(ImageError, match="60000x60000 pixels are over the limit"):
        decode_with_pillow(data, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\x00\x00\x01\x00\x01\x00",
        b"8BPS\x00\x01" + bytes(20),
    ],
    ids=["postscript", "icon", "photoshop"],
)
def test_formats_whose_size_is_not_told_are_no_images(data):
    """Pillow reads more than OpenCV; PostScript it would give to another program."""
    with pytest.raises(ImageError, match="not an image that Pillow can read"):
        decode_with_pillow(data, max_pixels=PIXELS)


def test_mutations_give_pillows_pixels_or_a_bad_image():
    """Whatever is broken at random, nothing but an `ImageError` comes out, or Pillow's pixels."""
    good = 0
    for data in zoo.mutations(11, 150):
        found = outcome(data)
        if not isinstance(found, str):
            assert np.array_equal(found, reference(data))
            good += 1
    assert good


def test_it_says_what_it_is():
    """Pillow's version and its JPEG library's."""
    import PIL

    assert describe_pillow().startswith(f"Pillow {PIL.__version__}, libjpeg-turbo ")
    assert "unknown" not in describe_pillow()


def test_transparent_palettes_are_taken_without_a_warning():
    """Pillow would warn of one entry's opacity each; the colours are the same."""
    entries = np.random.default_rng(7).integers(0, 256, (16, 3), np.uint8)
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) % 16, "P")
    image.putpalette(entries.tobytes())
    file = BytesIO()
    image.save(file, "PNG", transparency=bytes(range(0, 256, 16)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = decode_with_pillow(file.getvalue(), max_pixels=MAX_PIXELS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.asarray(Image.open(BytesIO(file.getvalue())).convert("RGB"))
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found.reshape(-1, 3), axis=0)) == 16
