"""PNGs without the chunks that only carry words: the same pixels, and nothing is printed."""

from __future__ import annotations

import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

import claims
import zoo
from streamcalib.pixels.decode import decode
from streamcalib.pixels.png_chunks import is_png, without_words

NAMED = b"\x1b[31mred\0\0" + zlib.compress(bytes(200))
WORDS = {
    "tEXt": b"Author\0somebody",
    "zTXt": b"Author\0\0" + zlib.compress(b"somebody"),
    "iTXt": b"Author\0\0\0\0\0somebody",
    "iCCP": NAMED,
    "sPLT": b"few\0\x08" + bytes(6),
}


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """Return a PNG with chunks behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("sound", ["png", "png-16-bit", "png-alpha", "png-palette", "png-exif-6"])
def test_pixels_stay(name, sound, decoder, opencv):
    """With and without the chunk, an image is the same; the rest of the file stays as it was."""
    plain = zoo.animals()[sound].data
    worded = with_chunks(plain, claims.chunk(name.encode(), WORDS[name]))
    assert without_words(worded) == plain
    assert without_words(plain) is plain
    assert np.array_equal(decode(worded, decoder).image, opencv(worded))


def test_a_chunk_that_ends_early_goes_with_what_it_had():
    """A profile at the end of a file that was cut is left out, too."""
    plain = zoo.animals()["png"].data[:-12]
    chunk = claims.chunk(b"iCCP", NAMED)
    for size in range(12, len(chunk)):
        assert without_words(plain + chunk[:size]) == plain


def test_what_is_no_chunk_stays():
    """Bytes that make no sense are libpng's to judge."""
    for data in (b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + bytes(11), claims.png(1, 1) + b"end"):
        assert is_png(data)
        assert without_words(data) == data


def test_names_in_a_png_do_not_reach_the_terminal(tmp_path):
    """libpng's warnings quote the names of profiles as they are; they are never read."""
    profile = b"\x1b[31mred\0\0" + zlib.compress(bytes([0, 0, 0, 200, *range(196)]))
    data = claims.png(16, 16, claims.chunk(b"iCCP", profile), pixels=bytes(49 * 16))
    (tmp_path / "a.png").write_bytes(data)
    for call, loud in (("cv2.imdecode(data, 1)", True), ("decode(bytes(data), decoder)", False)):
        code = (
            "import cv2, numpy as np\n"
            "from streamcalib.pixels.decode import decode\n"
            "from streamcalib.pixels.turbo import find_decoder\n"
            "decoder, data = find_decoder(), np.fromfile('a.png', np.uint8)\n"
            f"{call}\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True)
        assert done.returncode == 0
        # As long as OpenCV alone prints it, this test tests something.
        assert (b"\x1b" in done.stderr) == loud or cv2.__version__ < "5"
