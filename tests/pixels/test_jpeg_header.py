"""The short reader of plain headers says what the full one says."""

from __future__ import annotations

import pytest

import zoo
from streamcalib.pixels.jpeg_header import is_complete, plain_size, read_header
from streamcalib.pixels.orientation import plain_orientation


def assert_agrees(data: bytes) -> bool:
    """Check that a plain header is one that TurboJPEG may decode as it is; return if it is."""
    size = plain_size(data)
    if size is None:
        return False
    header = read_header(data)
    assert header is not None
    assert (header.height, header.width) == size
    assert header.is_common
    assert is_complete(data, header)
    assert plain_orientation(data, header) == 1
    return True


def test_photographs_without_exif_are_plain(photographs):
    """The common case takes the short way."""
    assert plain_size(photographs["grace_hopper.jpg"]) == (600, 512)
    assert plain_size(photographs["china.jpg"]) is None


def test_the_zoo_is_read_alike():
    """Of all odd files, those called plain are what the full reader says."""
    plain = [name for name in zoo.jpeg_names() if assert_agrees(zoo.animals()[name].data)]
    assert "grey" in plain
    assert not {"cmyk", "exif-6-big", "progressive"} & set(plain)


@pytest.mark.parametrize("seed", [3, 4])
def test_mutated_files_are_read_alike(seed):
    """Whatever is flipped, cut or inserted, the two readers never contradict each other."""
    assert sum(map(assert_agrees, zoo.mutations(seed, 4000))) > 100


def test_every_cut_is_read_alike(photographs):
    """A header that ends early anywhere is left to the full reader, or read alike."""
    data = photographs["grace_hopper.jpg"][:2000]
    for end in range(len(data)):
        assert_agrees(data[:end])


@pytest.mark.parametrize("payload", [b"Exif\0\0MM\0*", b"http://ns.adobe.com/xap/1.0/\0", b""])
def test_any_app1_segment_takes_the_full_reader(photographs, payload):
    """What might be Exif is never passed over, before or behind the frame header."""
    data = photographs["grace_hopper.jpg"]
    for place in (2, zoo.where(data, 0xC4), zoo.where(data, 0xDA)):
        assert plain_size(zoo.insert(data, place, zoo.segment(0xE1, payload))) is None
