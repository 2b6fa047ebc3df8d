"""The walk over Huffman codes: the same verdict as libjpeg's, for any sampling."""

from __future__ import annotations

import re

import pytest
import simplejpeg

import zoo
from streamcalib.errors import ImageError
from streamcalib.pixels.codes import BAD_CODE
from streamcalib.pixels.decode import decode
from streamcalib.pixels.entropy import find_broken_codes
from streamcalib.pixels.jpeg_header import read_header, without_oddities

HUFFMAN = frozenset({0xC0, 0xC1, 0xC2})
DAMAGE = re.compile(r"end of data segment|bad Huffman code|instead of RST|Inconsistent progression")


def mended(data: bytes) -> bytes | None:
    """Return a JPEG with its header mended, or None if it has none or is of another coding."""
    header = read_header(data)
    return without_oddities(data, header) if header and header.frame in HUFFMAN else None


def complaint(data: bytes) -> str:
    """Return what libjpeg-turbo says of a picture."""
    try:
        simplejpeg.decode_jpeg(data, "CMYK" if read_header(data).components == 4 else "RGB")
    except ValueError as error:
        return str(error)
    return ""


def any_bytes(_: bytes) -> bool:
    return True


@pytest.mark.parametrize("name", zoo.jpeg_names("picture"))
def test_the_codes_of_a_picture_are_whole(name: str):
    """No picture of the zoo has broken codes, whatever its coding and sampling."""
    data = zoo.animals()[name].data
    assert find_broken_codes(mended(data) or data, any_bytes) is None


@pytest.mark.parametrize("seed", [11, 12])
def test_the_walk_agrees_with_libjpeg(seed: int):
    """Of JPEGs broken at random that libjpeg-turbo takes, both call the same ones broken.

    But for very few: where libjpeg-turbo has data enough, it passes over what is no code.
    """
    broken = whole = missed = 0
    for number, data in enumerate(zoo.mutations(seed, 500)):
        picture = mended(data)
        said = "no picture" if picture is None else complaint(picture)
        if DAMAGE.search(said):
            broken += 1
            assert find_broken_codes(picture, any_bytes) is not None, (number, said)
        elif not said:
            whole += 1
            found = find_broken_codes(picture, any_bytes)
            assert found in (None, BAD_CODE), number
            missed += found is not None
    assert broken > 50
    assert whole > 50
    assert missed <= 3


@pytest.mark.parametrize("options", [{"progressive": 1}, {}, {"rst_interval": 3}], ids=str)
@pytest.mark.parametrize("sampling", ["444", "422", "420", "440", "411"])
def test_every_cut_of_a_scan_is_noticed(sampling: str, options: dict[str, int]):
    """Wherever data is taken out of a scan's end, so that the file is still in order, it shows."""
    data = zoo.sampled(zoo.picture(33, 47), sampling, **options)
    scans = [marker for marker, _ in zoo.markers(data)].count(0xDA)
    for index in range(scans):
        start, end = zoo.scan(data, index)
        for cut in range(start, end - 1, max((end - start) // 9, 1)):
            shorter = data[:cut].rstrip(b"\xff") + data[end:]
            assert find_broken_codes(shorter, any_bytes) is not None, (index, cut)


@pytest.mark.parametrize("factors", [[(4, 2), (1, 1), (1, 1)], [(3, 1), (2, 1), (1, 1)]], ids=str)
def test_bytes_left_over_are_shown(factors):
    """What a scan leaves over, if anything, is for the caller to judge, to the byte."""
    data = zoo.flat_blocks(35, 51, factors)
    shown = []

    def look(left: bytes) -> bool:
        shown.append(left)
        return False

    assert find_broken_codes(data, look) is None
    more = zoo.insert(data, len(data) - 2, b"\x01\xff\x00\x02")
    assert "3 extraneous bytes" in find_broken_codes(more, look)
    assert shown == [b"\x01\xff\x02"]


@pytest.mark.parametrize(
    "change",
    [
        (0xC0, 11, b"\x00"),  # a sampling factor of 0
        (0xC0, 10, b"\x09"),  # a component that scans do not name
        (0xC4, 5, b"\xff" * 16),  # more codes than bits
        (0xDA, 4, b"\x7f"),  # more components than there is room for
        (0xDA, 6, b"\x99"),  # tables that there are not
    ],
    ids=str,
)
def test_a_header_that_contradicts_itself_is_refused(change, decoder):
    """The walk does not stumble over such a header, which libjpeg refuses anyway."""
    marker, offset, new = change
    data = zoo.flat_blocks(35, 51, [(4, 2), (1, 1), (1, 1)])
    broken = zoo.patch(data, zoo.where(data, marker) + offset, new)
    find_broken_codes(broken, any_bytes)
    with pytest.raises(ImageError):
        decode(broken, decoder)
