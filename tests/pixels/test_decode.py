"""Decoding: bit for bit OpenCV's pixels, on both decoders, within limits checked beforehand."""

from __future__ import annotations

import tempfile

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo
from messages import text_of
from streamcalib.errors import ImageError, StoppedError
from streamcalib.pixels.decode import MAX_PIXELS, decode


def identical(first: np.ndarray, second: np.ndarray) -> bool:
    """Tell whether two images have the same shape, dtype and not one differing element."""
    return first.dtype == second.dtype and np.array_equal(first, second)


@pytest.mark.parametrize("name", zoo.names("picture"))
def test_the_zoo_decodes_as_in_opencv(name: str, decoder, opencv):
    """Every odd picture has OpenCV's pixels."""
    data = zoo.animals()[name].data
    assert identical(decode(data, decoder).image, opencv(data))


def test_photographs_decode_as_in_opencv(photographs: dict[str, bytes], decoder, opencv):
    """Real photographs have OpenCV's pixels and take the quick way."""
    for data in photographs.values():
        image, route = decode(data, decoder)
        assert route == "turbo"
        assert identical(image, opencv(data))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    sampling=st.sampled_from(["444", "422", "420", "440", "411"]),
    options=st.fixed_dictionaries(
        {},
        optional={
            "progressive": st.just(1),
            "optimize": st.just(1),
            "quality": st.integers(1, 100),
            "rst_interval": st.integers(1, 9),
        },
    ),
    orientation=st.integers(1, 8),
)
def test_any_small_jpeg_decodes_as_in_opencv(
    decoder, opencv, height, width, sampling, options, orientation
):
    """Whatever its size, sampling, coding and orientation, a JPEG has OpenCV's pixels."""
    data = zoo.sampled(zoo.picture(height, width), sampling, **options)
    data = zoo.with_exif(data, zoo.oriented(orientation))
    image, route = decode(data, decoder)
    assert route == "turbo"
    assert identical(image, opencv(data))


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("baseline-420", "turbo"),
        ("progressive-444", "turbo"),
        ("grey", "turbo"),
        ("rgb", "turbo"),
        ("exif-6-little", "turbo"),
        ("garbage-after-end", "turbo"),
        ("cmyk", "opencv-jpeg"),
        ("ycck", "opencv-jpeg"),
        ("arithmetic", "opencv-jpeg"),
        ("exif-long", "opencv-jpeg"),
        ("exif-after-xmp", "opencv-jpeg"),
        ("jfif-major-3", "opencv-jpeg"),
        ("bytes-between-segments", "opencv-jpeg"),
        ("progressive-first-scans-only", "opencv-jpeg"),
        ("png", "opencv-other"),
        ("tiff", "opencv-other"),
    ],
)
def test_the_route_is_told(name: str, route: str, decoder):
    """What libjpeg-turbo gives as OpenCV does goes through it, and the rest through OpenCV."""
    assert decode(zoo.animals()[name].data, decoder).route == route


@pytest.mark.parametrize("name", ["baseline-420", "grey", "cmyk", "exif-6-big", "exif-long", "png"])
def test_bgr_is_opencv_s_own_order(name: str, decoder):
    """Asked for BGR, the pixels are ``cv2.imdecode``'s without any conversion."""
    data = zoo.animals()[name].data
    image = decode(data, decoder, channel_order="BGR").image
    assert identical(image, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


@pytest.mark.parametrize("name", [n for n in zoo.names("picture") if "exif" in n])
def test_orientation_can_be_ignored(name: str, decoder, opencv):
    """With ``orientation="ignore"`` the image stays as stored, as with OpenCV's flag."""
    data = zoo.animals()[name].data
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    assert identical(decode(data, decoder, orientation="ignore").image, opencv(data, flags))


def test_the_image_is_writable_and_apart(decoder):
    """Two decodings of the same bytes do not share memory."""
    data = zoo.animals()["baseline-420"].data
    first, second = decode(data, decoder).image, decode(data, decoder).image
    first[...] = 0
    assert second.any()


@pytest.mark.parametrize("name", zoo.names("no image"))
def test_what_is_no_image_is_refused_with_a_reason(name: str, decoder):
    """An empty file, a text or a mere header is refused in words."""
    with pytest.raises(ImageError, match=r"empty|not an image that OpenCV can read"):
        decode(zoo.animals()[name].data, decoder)


def test_an_empty_file_is_called_empty(decoder):
    """The reason for an empty file is that it is empty."""
    with pytest.raises(ImageError, match=r"^the file is empty$"):
        decode(b"", decoder)


HUGE = {
    "png": zoo.png_claiming(60000, 60000),
    "jpeg": zoo.jpeg_claiming(60000, 60000),
    "jpeg with odd exif": zoo.with_exif(zoo.jpeg_claiming(60000, 60000), zoo.oriented(6, kind=4)),
}


@pytest.mark.parametrize("form", HUGE)
def test_a_huge_claim_is_refused_before_anything_decodes(form: str, decoder, monkeypatch):
    """A header's size over the limit is refused with its size, before memory is taken."""

    def never(*_args):
        raise AssertionError("it came to decoding")

    monkeypatch.setattr(cv2, "imdecode", never)
    monkeypatch.setattr(type(decoder), "decode", never)
    with pytest.raises(ImageError, match=rf"^60000x60000 pixels are over .*{MAX_PIXELS}.*--max-p"):
        decode(HUGE[form], decoder)


@pytest.mark.parametrize("tolerate_damage", [False, True])
@pytest.mark.parametrize(
    "name",
    ["baseline-420", "cmyk", "exif-6-little", "exif-long", "cut-in-half", "png", "webp", "tiff"],
)
def test_the_limit_is_on_height_times_width(name: str, decoder, tolerate_damage: bool):
    """33x47 pixels pass a limit of 1551 and no smaller one, whatever the format."""
    data = zoo.animals()[name].data
    with pytest.raises(ImageError, match=r"(47x33|33x47) pixels are over the limit of 1550 "):
        decode(data, decoder, max_pixels=1550, tolerate_damage=tolerate_damage)
    if name != "cut-in-half" or tolerate_damage:
        decode(data, decoder, max_pixels=1551, tolerate_damage=tolerate_damage)


def test_opencv_s_own_limit_is_a_reason_in_words(decoder):
    """What OpenCV itself finds too large is a bad image, with OpenCV's words and not its trace."""
    with pytest.raises(ImageError) as caught:
        decode(zoo.png_claiming(60000, 60000), decoder, max_pixels=10**12)
    assert "CV_IO_MAX_IMAGE_PIXELS" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "loadsave.cpp" not in str(caught.value)


def test_a_header_that_lied_is_found_out_afterwards(decoder, monkeypatch):
    """Should OpenCV ever make more of a file than it claims, the limit holds all the same."""
    monkeypatch.setattr("streamcalib.pixels.decode.claimed_size", lambda _data: (1, 1))
    data = zoo.animals()["bmp"].data
    assert decode(data, decoder, max_pixels=1551).image.shape == (33, 47, 3)
    with pytest.raises(ImageError, match="over the limit of 1550"):
        decode(data, decoder, max_pixels=1550)


def test_a_format_whose_size_no_one_can_read_is_no_image(decoder, monkeypatch):
    """What may be of any size is not decoded."""
    monkeypatch.setattr("streamcalib.pixels.decode.claimed_size", lambda _data: None)
    with pytest.raises(ImageError, match="not an image that OpenCV can read"):
        decode(zoo.animals()["bmp"].data, decoder)


def test_what_opencv_says_is_one_line(decoder, monkeypatch):
    """Its words may be of several lines, and may quote a file."""

    def quoting(*_args):
        raise cv2.error("OpenCV(5) x.cpp:1: error: (-2) in function 'f'\n> bad\x1b[31m:\n>     'x'")

    monkeypatch.setattr(cv2, "imdecode", quoting)
    with pytest.raises(ImageError) as caught:
        decode(zoo.animals()["bmp"].data, decoder)
    text = text_of(caught.value)
    assert text == r"OpenCV cannot decode it: (-2) in function 'f' > bad\x1b[31m: > 'x'"


def test_a_full_temporary_folder_is_the_worlds_fault(decoder, monkeypatch, tmp_path):
    """Tolerating damage takes a temporary file: where there is no room, no image is called bad."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    data = zoo.jpeg(zoo.picture(64, 64))[:-200]
    with pytest.raises(StoppedError, match="TMPDIR"):
        decode(data, decoder, tolerate_damage=True)
