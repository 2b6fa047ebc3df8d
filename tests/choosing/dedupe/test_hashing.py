"""Hashes that stay near when an image is changed without being another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import zoo
from messages import text_of
from streamcalib.choosing.dedupe.hashing import HASH_BYTES, perceptual_hash
from streamcalib.errors import ImageError


def encoded(image: np.ndarray, ending: str = ".jpg", *settings: int) -> bytes:
    return cv2.imencode(ending, image, list(settings))[1].tobytes()


def distances(one: bytes, other: bytes) -> tuple[int, int]:
    """Return in how many bits two files' pHashes and dHashes differ."""
    bits = [np.unpackbits(np.frombuffer(perceptual_hash(data), np.uint8)) for data in (one, other)]
    differ = bits[0] != bits[1]
    return int(differ[:64].sum()), int(differ[64:].sum())


CHANGES = {
    "encoded anew": lambda image: encoded(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 30),
    "as PNG": lambda image: encoded(image, ".png"),
    "half as large": lambda image: encoded(cv2.resize(image, None, fx=0.5, fy=0.5)),
    "twice as large": lambda image: encoded(cv2.resize(image, None, fx=2, fy=2)),
    "stretched": lambda image: encoded(cv2.resize(image, (640, 640))),
    "grey": lambda image: encoded(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)),
    "brighter": lambda image: encoded(cv2.convertScaleAbs(image, alpha=1.1, beta=10)),
    "blurred": lambda image: encoded(cv2.GaussianBlur(image, (0, 0), 2)),
    "without an edge": lambda image: encoded(image[4:-4, 4:-4]),
    "progressive": lambda image: encoded(image, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_looks_the_same_is_near(photographs, change):
    """Real photographs, changed as copies are."""
    for data in photographs.values():
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        waves, steps = distances(data, CHANGES[change](image))
        assert waves <= 10
        assert steps <= 20


def test_what_is_another_is_far(photographs):
    """Three photographs, and one of them in a mirror."""
    files = list(photographs.values())
    image = cv2.imdecode(np.frombuffer(files[0], np.uint8), cv2.IMREAD_COLOR)
    files.append(encoded(image[:, ::-1]))
    for index, one in enumerate(files):
        for other in files[:index]:
            assert distances(one, other)[0] > 14


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_applied(photographs, turn):
    """A copy that a tag turns upright is a copy; by libjpeg, and by OpenCV if XMP leads."""
    data = encoded(cv2.imdecode(np.frombuffer(photographs["china.jpg"], np.uint8), 1))
    for tagged in (
        zoo.with_exif(data, zoo.oriented(turn)),
        zoo.with_exif(data, b"http://ns.adobe.com/xap/1.0/\0<x/>", zoo.oriented(turn)),
    ):
        upright = cv2.imdecode(np.frombuffer(tagged, np.uint8), cv2.IMREAD_COLOR)
        assert max(distances(tagged, encoded(upright, ".png"))) <= 4


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (5, 5), (31, 33), (255, 257)])
def test_any_size_has_a_hash(size, generator):
    """Tiny and thin ones, too, of any format."""
    image = generator.integers(0, 256, (*size, 3), np.uint8)
    for ending in (".jpg", ".png"):
        assert len(perceptual_hash(encoded(image, ending))) == HASH_BYTES


@pytest.mark.parametrize("name", zoo.names("picture"))
def test_odd_images_have_a_hash(name):
    """Whatever a build takes."""
    assert len(perceptual_hash(zoo.animals()[name].data)) == HASH_BYTES


@pytest.mark.parametrize("name", zoo.names("damaged", "no image"))
def test_bad_images_have_none(name):
    """A copy that is cut off must not stand for the whole one."""
    with pytest.raises(ImageError):
        perceptual_hash(zoo.animals()[name].data)


@pytest.mark.parametrize("data", [zoo.jpeg_claiming(60000, 60000), zoo.png_claiming(60000, 60000)])
def test_a_header_that_claims_too_much_is_believed(data):
    """No memory is taken for it."""
    with pytest.raises(ImageError) as caught:
        perceptual_hash(data)
    assert "60000x60000 pixels are over the limit" in text_of(caught.value)
