"""EXIF orientation: what is answered here is what OpenCV does, and the rest is left to OpenCV."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

import zoo
from streamcalib.pixels.jpeg_header import read_header
from streamcalib.pixels.orientation import apply_orientation, plain_orientation

PLAIN = zoo.jpeg(zoo.picture(9, 14))
ORIENTATION = 0x0112
# Tags that OpenCV 4 or 5 reads on its way, of one directory or of those it points to.
KNOWN_TAGS = [
    *(0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013E, 0x013F),
    *(0x0211, 0x0213, 0x0214, 0x8298, 0x8769, 0x8825, 0x829A, 0x9000, 0x927C, 0xA005),
]


def opencv(data: bytes, flags: int = 0) -> np.ndarray:
    """Decode as OpenCV does, BGR."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | flags)


def opencv_orientations(data: bytes) -> list[int]:
    """Return every orientation that explains how OpenCV turned a JPEG: one, if 1 to 8 differ."""
    stored, upright = opencv(data, cv2.IMREAD_IGNORE_ORIENTATION), opencv(data)
    return [n for n in range(1, 9) if np.array_equal(apply_orientation(stored, n), upright)]


def answer(data: bytes) -> int | None:
    """Return what this project reads from a JPEG itself."""
    return plain_orientation(data, read_header(data))


@st.composite
def entries(draw, order: str) -> bytes:
    """Draw one directory entry: often sound, often not, and sometimes the orientation."""
    kinds = st.one_of(st.sampled_from([1, 2, 3, 4, 5, 7, 9, 10, 11, 12]), st.integers(0, 20))
    counts = st.one_of(st.integers(0, 9), st.sampled_from([64, 1000, 2**29, 2**31, 2**32 - 1]))
    offsets = st.integers(0, 200).map(lambda offset: struct.pack(order + "I", offset))
    shorts = st.integers(0, 9).map(lambda value: struct.pack(order + "HH", value, 0))
    values = st.one_of(offsets, offsets, shorts, st.binary(min_size=4, max_size=4))
    match draw(st.sampled_from(["orientation", "odd orientation", "known", "known", "any"])):
        case "orientation":
            tag, kind, count, value = ORIENTATION, 3, 1, draw(shorts)
        case "odd orientation":
            tag, kind, count = ORIENTATION, draw(st.sampled_from([1, 3, 4, 8, 9])), draw(counts)
            value = draw(values)
        case "known":
            tag, kind = draw(st.sampled_from(KNOWN_TAGS)), draw(kinds)
            count, value = draw(counts), draw(values)
        case _:
            tag, kind = draw(st.integers(0, 0xFFFF)), draw(kinds)
            count, value = draw(counts), draw(values)
    return zoo.entry(tag, kind, count, value, order)


@st.composite
def blocks(draw) -> bytes:
    """Draw the payload of an Exif segment, mostly with one well-formed directory."""
    order = draw(st.sampled_from("<>"))
    listed = draw(st.lists(entries(order), max_size=6))
    count = len(listed) if draw(st.integers(0, 9)) else draw(st.integers(0, 9))
    start = 8 if draw(st.integers(0, 4)) else draw(st.integers(0, 60))
    head = zoo.TIFF_LITTLE if order == "<" else zoo.TIFF_BIG
    tiff = (head + struct.pack(order + "I", start)).ljust(start, b"\0")
    tiff += struct.pack(order + "H", count) + b"".join(listed)
    following = draw(st.one_of(st.just(0), st.integers(0, 200), st.integers(0, 2**32 - 1)))
    tiff += draw(st.sampled_from([b"", struct.pack(order + "I", following)]))
    tiff += draw(st.binary(max_size=200))
    if not draw(st.integers(0, 9)):
        tiff = tiff[: draw(st.integers(0, len(tiff)))]
    return b"Exif\0\0" + tiff


def test_the_picture_tells_the_eight_orientations_apart():
    """All eight turned pictures differ, so that OpenCV's turn is known for sure."""
    turned = {apply_orientation(opencv(PLAIN), n).tobytes() for n in range(1, 9)}
    assert len(turned) == 8


@settings(max_examples=400)
@given(blocks())
@example(zoo.directory([zoo.entry(0x010E, 2, 0, 0), zoo.entry(ORIENTATION, 3, 1, 6)]))
@example(zoo.directory([zoo.entry(0x927C, 7, 8, 30), zoo.entry(ORIENTATION, 3, 1, 6)]))
@example(zoo.directory([zoo.entry(ORIENTATION, 3, 1, 6), zoo.entry(0x927C, 7, 8, 30)]))
@example(zoo.directory([zoo.entry(0x0214, 1, 1, 0), zoo.entry(ORIENTATION, 3, 1, 6)]))
@example(zoo.directory([zoo.entry(0x011A, 3, 1, 0xFFFF), zoo.entry(ORIENTATION, 3, 1, 6)]))
@example(zoo.directory([zoo.entry(0x013F, 5, 2, 20), zoo.entry(ORIENTATION, 3, 1, 6)]))
def test_an_answer_is_what_opencv_does(block: bytes):
    """Whenever an Exif block is answered here, OpenCV turns the picture the same way."""
    data = zoo.with_exif(PLAIN, block)
    found = answer(data)
    event(f"answered: {found is not None}")
    if found is not None:
        assert opencv_orientations(data) == [found]


OTHER_BLOCKS = st.one_of(
    st.sampled_from([b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>", b"XMP\0://ns.adobe.com/xap"]),
    st.binary(max_size=40),
    st.binary(max_size=3).map(lambda more: b"Exif\0\0" + more),
    st.sampled_from("<>").map(lambda order: b"Exig\0\0" + zoo.oriented(6, order)[6:]),
)


@given(
    st.lists(st.one_of(blocks(), st.builds(zoo.oriented, st.integers(1, 8)), OTHER_BLOCKS)),
    st.sampled_from([0xE1, 0xE1, 0xE1, 0xE0, 0xE2, 0xFE]),
)
def test_an_answer_is_what_opencv_does_with_several_segments(payloads: list[bytes], marker: int):
    """Whatever segments a JPEG holds, Exif and others in any order, an answer is OpenCV's."""
    more = b"".join(zoo.segment(marker, payload) for payload in payloads)
    data = zoo.insert(PLAIN, zoo.where(PLAIN, 0xDB), more)
    found = answer(data)
    event(f"answered: {found is not None}, {min(len(payloads), 2)} segments")
    if found is not None:
        assert opencv_orientations(data) == [found]


@pytest.mark.parametrize("name", [name for name in zoo.names("picture") if "exif" in name])
def test_the_zoo_is_answered_as_opencv_does(name: str):
    """Every Exif block of the zoo is answered as OpenCV does, or not at all."""
    data = zoo.animals()[name].data
    if data[:2] == zoo.SOI:
        found = answer(data)
        assert found is None or found in opencv_orientations(data)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_plain_orientation_is_answered(orientation: int, order: str):
    """A SHORT of 1 to 8 in one block is answered, in either byte order, and OpenCV agrees."""
    data = zoo.with_exif(PLAIN, zoo.oriented(orientation, order))
    assert answer(data) == orientation
    assert opencv_orientations(data) == [orientation]


def test_no_block_means_upright():
    """A JPEG without an Exif block is upright."""
    assert answer(PLAIN) == 1


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize(("tag", "kind", "count", "size"), [(0x011A, 5, 1, 8), (0x010F, 2, 9, 9)])
def test_a_value_must_lie_in_the_block(tag: int, kind: int, count: int, size: int, missing: int):
    """A value that ends with the block is read; one byte less, and OpenCV stops before the turn."""
    end = 8 + 2 + 2 * 12
    listed = [zoo.entry(tag, kind, count, end), zoo.entry(ORIENTATION, 3, 1, 6)]
    block = zoo.directory(listed, following=bytes(size))
    data = zoo.with_exif(PLAIN, block[: len(block) - missing])
    assert answer(data) == (6 if missing == 0 else None)
    assert opencv_orientations(data) == [6 if missing == 0 else 1]


@pytest.mark.parametrize(
    ("name", "orientation"),
    [("xmp-only", 1), ("before-xmp", 6), ("in-app2", 1), ("name-cut", 1), ("empty-app1", 1)],
)
def test_segments_without_exif_do_not_matter(name: str, orientation: int):
    """XMP alone or behind the block, as editors write it, is answered."""
    assert answer(zoo.animals()[f"exif-{name}"].data) == orientation


def test_a_camera_s_block_is_answered():
    """A block as cameras write it, with texts, resolutions and a pointer, is answered."""
    texts = b"A camera\0\0" + struct.pack("<II", 72, 1)
    at = 8 + 2 + 5 * 12 + 4
    listed = [
        zoo.entry(0x010F, 2, 9, at),
        zoo.entry(ORIENTATION, 3, 1, 8),
        zoo.entry(0x011A, 5, 1, at + 10),
        zoo.entry(0x0128, 3, 1, 2),
        zoo.entry(0x8769, 4, 1, at),
    ]
    data = zoo.with_exif(PLAIN, zoo.directory(listed, following=bytes(4) + texts))
    assert answer(data) == 8
    assert opencv_orientations(data) == [8]


@pytest.mark.parametrize(
    "name",
    [
        *("0-little", "9-big", "long", "byte", "signed-short", "count-2", "count-0", "two-blocks"),
        *("block-and-copy", "after-xmp", "two-orientations", "offset-outside", "short-rational"),
        *("text-outside", "unknown-kind", "more-entries-than-there-are", "directory-outside"),
        *("directory-inside-head", "mixed-order", "not-42", "name-only", "without-name"),
    ],
)
def test_an_odd_block_is_left_to_opencv(name: str):
    """What readers disagree about is not answered."""
    assert answer(zoo.animals()[f"exif-{name}"].data) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turn_is_as_the_exif_standard_says(orientation: int):
    """The stored row 0 and column 0 come to lie where Exif 2.32 puts them for each value."""
    # Exif 2.32, 4.6.4 A, tag 274: the visual side of row 0, then that of column 0.
    sides = ["top left", "top right", "bottom right", "bottom left"]
    sides += ["left top", "right top", "right bottom", "left bottom"]
    row_side, column_side = sides[orientation - 1].split()
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    turned = apply_orientation(image, orientation)
    edges = {"top": turned[0], "bottom": turned[-1], "left": turned[:, 0], "right": turned[:, -1]}
    assert sorted(map(tuple, edges[row_side])) == sorted(map(tuple, image[0]))
    assert sorted(map(tuple, edges[column_side])) == sorted(map(tuple, image[:, 0]))
    assert turned.shape == (image.shape if orientation <= 4 else (3, 2, 3))
