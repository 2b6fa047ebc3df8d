"""What headers claim: as OpenCV reads them, and never less."""

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
from contextlib import suppress

import cv2
import numpy as np
import pytest
from PIL import Image

import claims
import zoo
from streamcalib.errors import ImageError
from streamcalib.pixels.claimed_size import claimed_size
from streamcalib.pixels.decode import MAX_PIXELS, decode

WRITTEN_BY_OPENCV = (
    *(".png", ".bmp", ".tiff", ".webp", ".gif", ".jp2", ".avif", ".sr", ".ras"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pfm", ".hdr"),
)
BY_PILLOW = {
    "gif": {"format": "GIF"},
    "gif-frames": {"format": "GIF", "save_all": True},
    "png-frames": {"format": "PNG", "save_all": True},
    "webp-frames": {"format": "WEBP", "save_all": True},
    "webp-lossless": {"format": "WEBP", "lossless": True},
    "tiff-pages": {"format": "TIFF", "save_all": True},
    "tiff-lzw": {"format": "TIFF", "compression": "tiff_lzw"},
    "tiff-big": {"format": "TIFF", "big_tiff": True},
    "avif": {"format": "AVIF"},
    "avif-frames": {"format": "AVIF", "save_all": True},
    "j2k": {"format": "JPEG2000", "no_jp2": True},
    "jp2": {"format": "JPEG2000"},
    "bmp": {"format": "BMP"},
    "ppm": {"format": "PPM"},
}


def written(name: str) -> bytes:
    image = zoo.picture(33, 47)
    if name.startswith("."):
        if name in (".pbm", ".pgm"):
            image = image[..., 0]
        floats = name in (".pfm", ".hdr")
        return cv2.imencode(name, image.astype(np.float32) / 255 if floats else image)[1].tobytes()
    options = dict(BY_PILLOW[name])
    if options.get("save_all"):
        options["append_images"] = [Image.fromarray(zoo.picture(33, 47)[::-1])] * 2
    file = io.BytesIO()
    Image.fromarray(image).save(file, **options)
    return file.getvalue()


def all_written() -> dict[str, bytes]:
    """Return a file of every kind for which OpenCV or Pillow have a writer here."""
    found = {}
    for name in (*WRITTEN_BY_OPENCV, *BY_PILLOW):
        with suppress(KeyError, OSError, cv2.error):
            found[name] = written(name)
    return found


WRITTEN = all_written()


def with_each(names):
    return pytest.mark.parametrize("name", names)


@with_each(WRITTEN)
def test_it_is_what_opencv_gives(name, decoder, opencv):
    """Files of every kind have the claimed size, and decode to the first picture in them."""
    data = WRITTEN[name]
    assert claimed_size(data) == (33, 47)
    assert np.array_equal(decode(data, decoder).image, opencv(data))


@with_each(claims.all_claiming(2**15, 2))
def test_a_claim_is_read(name):
    """Headers made by hand claim what they were made to claim, the larger where there are two."""
    for width, height in ((60000, 50000), (300, 200), (65535, 2)):
        data = claims.all_claiming(width, height)[name]
        assert claimed_size(data) == (height, width)


@pytest.mark.parametrize("make", [claims.lossless_webp, claims.lossy_webp])
def test_a_webp_without_a_canvas_is_read(make):
    """Its frame says the size, in 14 bits a side."""
    assert claimed_size(make(16383, 9000)) == (9000, 16383)


CUT = [(name, size) for name in claims.all_claiming(2, 2) for size in (0, 2, 12, 18, 23, 30)]


@pytest.mark.parametrize(("name", "size"), CUT)
def test_a_header_that_ends_early_claims_nothing(name, size):
    """What is cut inside its header is no image; nothing worse comes of it."""
    claimed = claimed_size(claims.all_claiming(300, 200)[name][:size])
    assert claimed is None or (claimed[0] <= 200 and claimed[1] <= 300)


def test_a_directory_beyond_all_files_claims_nothing():
    """An offset that no file can have is no reason to stumble."""
    for start in (2**31, 2**63, 2**64 - 1):
        assert claimed_size(b"II\x2b\0\x08\0\0\0" + start.to_bytes(8, "little")) is None
    assert claimed_size(b"II\x2a\0\xff\xff\xff\xff") is None


def test_a_number_is_read_whole_or_not_at_all():
    """Where a header of comments is too long, its last digits are not forgotten."""
    for size in range(2**16 - 30, 2**16 + 5):
        comment = "#" + "x" * (size - len("P6 #\n30000 30000")) + "\n"
        data = claims.pnm(30000, 30000, "P6 " + comment + "{} {} 255\n")
        assert claimed_size(data) in (None, (30000, 30000))
    assert claimed_size(b"P6 " + b"#\n" * 10**6 + b"30000 30000 255\n") is None


@pytest.mark.parametrize("digits", [20, 500])
@pytest.mark.parametrize("form", ["P6 {} {} 255\n", claims.PAM, claims.PFM, claims.HDR])
def test_numbers_without_end_are_too_large(decoder, form, digits):
    """However many digits a side has, the image is refused for its size."""
    with pytest.raises(ImageError, match="over the limit"):
        decode(claims.pnm(10**digits, 2, form), decoder)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "filling", [b"1", b" ", b"#\n", b"-Y ", b"-Y1", b"WIDTH ", b"ispe", b"tkhd"]
)
@pytest.mark.parametrize(
    "start", [b"P6 ", b"P7\n", b"PF\n", b"#?RGBE\n", b"\0\0\0\x20ftypavif", b"\xff\x4f\xff\x51"]
)
def test_no_header_takes_long(start, filling):
    """Ten megabytes of whatever a reader would go on with take a moment; quadratic takes hours.

    None of them names a size that could be decoded.
    """
    claimed = claimed_size(start + filling * (10**7 // len(filling)) + b"\0")
    assert claimed is None or max(claimed) > 10**6


def test_no_file_gives_more_than_it_claims(opencv):
    """Whatever is broken in a header, OpenCV makes no larger image of it than it claims."""
    rng = random.Random(4)
    sound = list(WRITTEN.values())
    assert len(sound) > 20
    decoded = 0
    for _ in range(1500):
        data = bytearray(rng.choice(sound))
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(min(len(data), 120))] = rng.choice((0, 1, 9, 32, 48, 57, 127, 255))
        claimed = claimed_size(bytes(data))
        if claimed is not None and claimed[0] * claimed[1] > 10**6:
            continue
        try:
            image = opencv(bytes(data))
        except (cv2.error, AssertionError, TypeError):
            continue
        if image is None or bytes(data[:3]) == b"\xff\xd8\xff":
            continue
        decoded += 1
        assert claimed is not None, bytes(data[:64])
        assert image.shape[0] * image.shape[1] <= claimed[0] * claimed[1], bytes(data[:64])
    assert decoded > 200


MEASURED = """
import resource, sys
from pathlib import Path
from streamcalib.errors import ImageError
from streamcalib.pixels.decode import decode
from streamcalib.pixels.turbo import find_decoder

decoder = find_decoder()
before = None
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        said = str(decode(path.read_bytes(), decoder).image.shape)
    except ImageError as error:
        said = str(error)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = peak if before is None else before
    print(path.name, (peak - before) // 1024, said, sep="\t")
"""


def measured(folder) -> dict[str, tuple[int, str]]:
    """Decode each file of a folder, all in one process: name to peak memory in MiB, and outcome.

    The first file in the order of names is what the others are compared with.
    """
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(folder)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return {name: (int(grown), said) for name, grown, said in lines}


def test_claims_take_no_memory(tmp_path):
    """Files of a few bytes that claim more than the limit are refused before room is made."""
    (tmp_path / "a").write_bytes(claims.png(16, 16))
    for side in (30000, 60000):
        for name, data in claims.all_claiming(side, side).items():
            (tmp_path / f"{name}-{side}").write_bytes(data)
    found = measured(tmp_path)
    del found["a"]
    limit = rf"^\d+x\d+ pixels are over the limit of {MAX_PIXELS} \(--max-pixels\)$"
    assert {name: said for name, (_, said) in found.items() if not re.match(limit, said)} == {}
    assert max(grown for grown, _ in found.values()) < 40


def test_bombs_take_no_memory(tmp_path):
    """What unpacks to hundreds of megabytes beside a small image, or behind it, is left packed."""
    (tmp_path / "a").write_bytes(claims.png(16, 16))
    zeros = bytes(300 * 2**20)
    packed = claims.png(16, 16, pixels=zeros)
    (tmp_path / "pixels").write_bytes(packed)
    bomb = packed[packed.index(b"IDAT") + 4 : -16]
    for name in ("zTXt", "iCCP"):
        chunk = claims.chunk(name.encode(), b"x\0\0" + bomb)
        data = claims.png(16, 16, chunk, pixels=bytes(49 * 16))
        (tmp_path / name).write_bytes(data)
    (tmp_path / "frames").write_bytes(claims.gif(1000, 1000, frames=3000))
    found = measured(tmp_path)
    assert found["zTXt"][1] == found["iCCP"][1] == found["pixels"][1] == "(16, 16, 3)"
    assert max(grown for grown, _ in found.values()) < 60
