"""The two decoders: which one is found, what they call themselves, and how strict they are."""

from __future__ import annotations

import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import turbojpeg

import zoo
from streamcalib.errors import InputError
from streamcalib.pixels import turbo
from streamcalib.pixels.decode import decode
from streamcalib.pixels.turbo import PyTurboJpeg, SimpleJpeg, TurboError, find_decoder


@pytest.fixture
def forgotten(monkeypatch):
    """Let decoders be found anew, and again after the test."""

    def forget() -> None:
        find_decoder.cache_clear()
        turbo._strict_turbojpeg.cache_clear()

    forget()
    yield
    monkeypatch.undo()
    forget()


@pytest.fixture
def found_library(monkeypatch, forgotten):
    """Return a function that makes PyTurboJPEG find this library, or none, until the test ends."""

    def pretend(path: str | None) -> None:
        monkeypatch.setattr(turbojpeg, "find_library", lambda _name: path)
        nowhere = {system: [] for system in turbojpeg.DEFAULT_LIB_PATHS}
        monkeypatch.setattr(turbojpeg, "DEFAULT_LIB_PATHS", nowhere)
        monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)

    return pretend


NO_LIBRARY = {
    "none": None,
    "one that is not there": "libturbojpeg-that-is-not-there.so",
    "one that is something else": simplejpeg._jpeg.__file__,
}


@pytest.mark.parametrize("case", NO_LIBRARY)
def test_without_the_library_simplejpeg_is_found(case: str, found_library):
    """Where there is no libturbojpeg, or none that serves, ``auto`` is simplejpeg."""
    found_library(NO_LIBRARY[case])
    assert isinstance(find_decoder(), SimpleJpeg)
    assert isinstance(find_decoder("auto"), SimpleJpeg)


@pytest.mark.parametrize("case", NO_LIBRARY)
def test_pyturbojpeg_by_name_needs_the_library(case: str, found_library):
    """Asked for by name without its library, PyTurboJPEG is refused with what to install."""
    found_library(NO_LIBRARY[case])
    with pytest.raises(InputError, match=r"libturbojpeg.*install.*simplejpeg\.$") as caught:
        find_decoder("pyturbojpeg")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_a_package_without_the_error_hook_is_not_trusted(forgotten, monkeypatch):
    """A PyTurboJPEG that reports errors in another way, so not strictly, is passed over."""
    monkeypatch.delattr(turbojpeg.TurboJPEG, "_TurboJPEG__report_error")
    assert isinstance(find_decoder("auto"), SimpleJpeg)


def test_simplejpeg_is_found_by_name():
    """``simplejpeg`` is simplejpeg on any machine."""
    assert isinstance(find_decoder("simplejpeg"), SimpleJpeg)


def test_pyturbojpeg_is_preferred(decoder):
    """Where the system has the library, ``auto`` is PyTurboJPEG; asked twice, it is the same."""
    if decoder.name == "pyturbojpeg":
        assert isinstance(find_decoder("auto"), PyTurboJpeg)
    assert find_decoder(decoder.name) is find_decoder(decoder.name)


def test_a_decoder_names_its_versions(decoder):
    """The description names the package's and libjpeg-turbo's own version."""
    package = {"pyturbojpeg": "PyTurboJPEG", "simplejpeg": "simplejpeg"}[decoder.name]
    expected = rf"{package} {re.escape(version(package))}, libjpeg-turbo \d+\.\d+\.\d+"
    assert re.fullmatch(expected, decoder.describe())


@pytest.mark.parametrize("content", [b"", b"no version here"])
def test_a_library_without_a_version_line_is_of_unknown_version(content: bytes, tmp_path: Path):
    """A version that cannot be read is told as unknown and never an error."""
    library = tmp_path / "library.so"
    assert turbo._embedded_version(library) == "of unknown version"
    library.write_bytes(content)
    assert turbo._embedded_version(library) == "of unknown version"
    assert turbo._embedded_version(None) == "of unknown version"


def test_a_version_line_is_read(tmp_path: Path):
    """libjpeg-turbo's build line gives its version, wherever it stands in the file."""
    library = tmp_path / "library.so"
    library.write_bytes(bytes(5000) + b"libjpeg-turbo version 3.1.2 (build 20250903)\0")
    assert turbo._embedded_version(library) == "3.1.2"


@pytest.mark.parametrize("pixels", ["RGB", "BGR"])
def test_a_clean_jpeg_gives_its_pixels(pixels: str, decoder, opencv):
    """A decoder gives (H, W, 3) uint8 in the order asked for."""
    data = zoo.animals()["baseline-420"].data
    image = decoder.decode(data, pixels)
    expected = opencv(data)
    assert image.dtype == np.uint8
    assert np.array_equal(image, expected if pixels == "RGB" else expected[..., ::-1])


def test_cmyk_comes_as_four_channels(decoder):
    """Asked for CMYK, a decoder gives four channels."""
    assert decoder.decode(zoo.animals()["cmyk"].data, "CMYK").shape == (33, 47, 4)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut-in-half", "Premature end of JPEG file"),
        ("flipped-in-scan", "Corrupt JPEG data: bad Huffman code"),
        ("jfif-major-3", "unknown JFIF revision number 3.01"),
        ("bytes-before-end", "extraneous bytes before marker 0xd9"),
        ("text", "JPEG"),
    ],
)
def test_a_warning_is_an_error_in_libjpeg_s_words(name: str, words: str, decoder):
    """Nothing less than a clean decode is an image, and nothing goes to Python's warnings."""
    data = zoo.animals()[name].data
    recorded = warnings.catch_warnings(record=True, action="always")
    with recorded as seen, pytest.raises(TurboError, match=words):
        decoder.decode(data, "RGB")
    assert not seen


def test_threads_do_not_disturb_each_other(decoder, opencv):
    """Decoded from many threads at once, sound and broken files keep their own outcomes."""
    names = ["baseline-420", "flipped-in-scan", "jfif-major-3", "cut-in-half", "cmyk", "exif-long"]

    def outcome(name: str) -> bytes | str:
        try:
            return decode(zoo.animals()[name].data, decoder).image.tobytes()
        except Exception as error:  # noqa: BLE001
            return str(error)

    alone = {name: outcome(name) for name in names}
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(outcome, names * 30))
    assert together == [alone[name] for name in names * 30]


def test_an_image_is_decoded_into_an_array_of_its_size(decoder):
    """The array given is filled and is the image; behind and before it nothing changes."""
    data = zoo.animals()["baseline-444"].data
    expected = decoder.decode(data, "RGB")
    around = np.full((expected.shape[0] + 2, *expected.shape[1:]), 7, np.uint8)
    image = decoder.decode(data, "RGB", around[1:-1])
    assert np.shares_memory(image, around)
    assert np.array_equal(around[1:-1], expected)
    assert (around[[0, -1]] == 7).all()


@pytest.mark.parametrize("lines", [-1, 1])
def test_an_array_of_another_size_is_not_the_image(decoder, lines):
    """A larger array is not taken for the image; into a smaller one nothing overflows."""
    data = zoo.animals()["baseline-444"].data
    expected = decoder.decode(data, "RGB")
    out = np.empty((expected.shape[0] + lines, *expected.shape[1:]), np.uint8)
    try:
        image = decoder.decode(data, "RGB", out)
    except TurboError:
        assert lines < 0
        return
    assert not np.shares_memory(image, out)
    assert np.array_equal(image, expected)
