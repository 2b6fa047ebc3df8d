"""Damage: one verdict on both decoders, and no picture that OpenCV does not see too."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import zoo
from streamcalib.errors import ImageError
from streamcalib.pixels.damage import find_damage
from streamcalib.pixels.decode import decode
from streamcalib.pixels.jpeg_header import is_complete, read_header, without_oddities
from streamcalib.pixels.turbo import find_decoder


def verdict(data: bytes, name: str, **options) -> np.ndarray | str:
    """Return the image, or the reason why there is none."""
    try:
        return decode(data, find_decoder(name), **options).image
    except ImageError as error:
        return str(error)


@pytest.fixture
def names() -> list[str]:
    """Return the decoders this machine has."""
    return sorted({"simplejpeg", find_decoder("auto").name})


@pytest.mark.parametrize("name", zoo.names("damaged"))
def test_a_damaged_jpeg_is_bad_on_every_decoder(name: str, names: list[str]):
    """Data that ends early, broken codes, broken restarts and broken headers: a bad image."""
    reasons = {verdict(zoo.animals()[name].data, decoder) for decoder in names}
    assert len(reasons) == 1
    assert "damaged" in reasons.pop()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cut-in-tables", "it ends or breaks inside its header"),
        ("start-within", "it ends or breaks inside its header"),
        ("cut-in-half", "Premature end of JPEG file"),
        ("cut-behind-thumbnail", "Premature end of JPEG file"),
        ("no-end", "Premature end of JPEG file"),
        ("cut-in-half-ended", "premature end of data segment"),
        ("flipped-in-scan", "bad Huffman code"),
        ("flipped-in-scan-cmyk", "bad Huffman code"),
        ("progressive-scan-missing", "Inconsistent progression sequence .*"),
        ("unusual-sampling-no-end", "Premature end of JPEG file"),
        ("unusual-sampling-cut", "premature end of data segment"),
        ("unusual-sampling-flipped", "bad Huffman code"),
        ("unknown-marker-in-scan", "premature end of data segment"),
        ("unknown-marker-after-broken-scan", "bad Huffman code"),
        ("bytes-before-restart", "3 extraneous bytes before marker 0xd1"),
        ("restart-of-wrong-number", "found marker 0xd5 instead of RST1"),
    ],
)
def test_the_reason_says_what_is_damaged(name: str, reason: str, decoder):
    """The reason is a readable line that names the damage."""
    with pytest.raises(ImageError, match=f"^damaged JPEG: .*{reason}$"):
        decode(zoo.animals()[name].data, decoder)


@pytest.mark.parametrize(
    "name", [name for name in zoo.jpeg_names("damaged") if "-over-damage" in name]
)
def test_an_oddity_does_not_hide_damage(name: str, decoder):
    """Damage behind a harmless warning, the only one libjpeg-turbo tells, is still found."""
    with pytest.raises(ImageError, match=r"^damaged JPEG: .*(bad Huffman code|premature end)"):
        decode(zoo.animals()[name].data, decoder)


def test_a_broken_code_that_falls_back_into_step_is_damage(names: list[str]):
    """One flipped bit often leaves nothing but undecoded bytes at the end: they make it bad."""
    data = zoo.jpeg(zoo.picture(160, 160))
    start, end = zoo.scan(data)
    generator = np.random.default_rng(5)
    found = 0
    for _ in range(60):
        place = int(generator.integers(start, end - 2))
        flipped = zoo.patch(data, place, bytes([data[place] ^ (1 << int(generator.integers(8)))]))
        reasons = [verdict(flipped, name) for name in names]
        leftover = [isinstance(r, str) and "bytes before marker 0xd9" in r for r in reasons]
        assert all(leftover) or not any(leftover)
        found += all(leftover)
    assert found >= 5


def test_a_picture_cut_anywhere_is_bad(photographs: dict[str, bytes], names: list[str]):
    """A photograph cut at any of many places is bad, on every decoder."""
    data = photographs["grace_hopper.jpg"]
    end = data.rindex(zoo.EOI)
    for cut in [*range(2, end, end // 40), end - 1, end, end + 1]:
        for name in names:
            assert isinstance(verdict(data[:cut], name), str), cut


def test_a_progressive_picture_cut_anywhere_is_bad(names: list[str]):
    """A progressive JPEG cut at every single byte is bad, on every decoder."""
    data = zoo.animals()["progressive-420"].data
    for cut in range(1, len(data), 3):
        for name in names:
            assert isinstance(verdict(data[:cut], name), str), cut


@pytest.mark.parametrize(
    ("seed", "count"), [(0, 400), pytest.param(1, 20_000, marks=pytest.mark.slow)]
)
def test_mutations_are_bad_or_as_in_opencv(seed: int, count: int, names: list[str], opencv):
    """Whatever breaks in a JPEG, the verdict is one, and a picture is OpenCV's."""
    bad = 0
    for number, data in enumerate(zoo.mutations(seed, count)):
        outcomes = [verdict(data, name) for name in names]
        if isinstance(outcomes[0], str):
            bad += 1
            assert outcomes == [outcomes[0]] * len(names), number
        else:
            expected = opencv(data)
            assert all(np.array_equal(image, expected) for image in outcomes), number
    assert count // 4 < bad < count * 3 // 4


@pytest.mark.parametrize("name", zoo.jpeg_names("damaged", "picture"))
def test_tolerated_damage_is_what_imread_gives(name: str, tmp_path, names: list[str]):
    """With ``tolerate_damage`` a JPEG is what ``cv2.imread`` gives for the file, or bad."""
    assert_as_imread(zoo.animals()[name].data, tmp_path, names)


@pytest.mark.parametrize(
    ("seed", "count"), [(2, 400), pytest.param(3, 20_000, marks=pytest.mark.slow)]
)
def test_tolerated_mutations_are_what_imread_gives(
    seed: int, count: int, tmp_path, names: list[str]
):
    """With ``tolerate_damage`` a mutated JPEG is what ``cv2.imread`` gives for the file."""
    for data in zoo.mutations(seed, count):
        assert_as_imread(data, tmp_path, names)


def test_a_tolerated_photograph_is_what_imread_gives(
    photographs: dict[str, bytes], tmp_path, names: list[str]
):
    """With ``tolerate_damage`` a cut or broken photograph is what ``cv2.imread`` gives."""
    for data in photographs.values():
        half = data[: len(data) // 2]
        for broken in (half, zoo.patch(data, len(half), b"\xfe\xff\x00\xff\x00"), data[:-2]):
            assert_as_imread(broken, tmp_path, names)
            assert not isinstance(verdict(broken, names[0], tolerate_damage=True), str)


def assert_as_imread(data: bytes, tmp_path, names: list[str]) -> None:
    """Compare the tolerant reading with ``cv2.imread`` of a file."""
    file = tmp_path / "file.jpg"
    file.write_bytes(data)
    expected = cv2.imread(str(file), cv2.IMREAD_COLOR)
    for name in names:
        found = verdict(data, name, tolerate_damage=True)
        if expected is None:
            assert isinstance(found, str)
        else:
            assert np.array_equal(found, expected[..., ::-1])


def test_tolerance_does_not_make_an_image_of_a_text(names: list[str]):
    """What is no image stays none, however tolerant one is."""
    for name in zoo.names("no image"):
        assert isinstance(verdict(zoo.animals()[name].data, names[0], tolerate_damage=True), str)


@pytest.mark.parametrize("name", zoo.jpeg_names("picture"))
def test_a_sound_jpeg_has_no_damage(name: str):
    """No picture of the zoo is called damaged, by whatever way it is decoded."""
    data = zoo.animals()[name].data
    assert find_damage(data, read_header(data)) is None


@pytest.mark.parametrize("name", zoo.jpeg_names("picture"))
def test_mending_oddities_changes_no_pixel(name: str, opencv):
    """The mended header, from which damage is judged, gives the same stored picture."""
    data = zoo.animals()[name].data
    mended = without_oddities(data, read_header(data))
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    assert np.array_equal(opencv(mended, flags), opencv(data, flags))


@pytest.mark.parametrize("name", zoo.jpeg_names("picture"))
def test_the_header_says_the_stored_size(name: str, opencv):
    """Height and width of the header are those OpenCV decodes, before any turn."""
    data = zoo.animals()[name].data
    header = read_header(data)
    stored = opencv(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert (header.height, header.width) == stored.shape[:2]


@pytest.mark.parametrize("name", zoo.jpeg_names())
def test_any_cut_header_is_none_or_a_header(name: str):
    """Reading a header never fails, wherever the file was cut."""
    data = zoo.animals()[name].data
    for cut in range(min(len(data), 1200)):
        header = read_header(data[:cut])
        assert header is None or (header.height > 0 and header.segments[-1].end <= cut)
        if header is not None:
            is_complete(data[:cut], header)


def test_scans_that_stop_before_full_precision_are_told():
    """A progressive JPEG is complete with all its scans, and with none fewer."""
    data = zoo.animals()["progressive-420"].data
    count = sum(marker == 0xDA for marker, _ in zoo.markers(data))
    for kept in range(1, count + 1):
        part = data[: zoo.scan(data, kept - 1)[1]] + zoo.EOI
        assert is_complete(part, read_header(part)) == (kept == count)
    baseline = zoo.animals()["baseline-420"].data
    assert is_complete(baseline, read_header(baseline))
