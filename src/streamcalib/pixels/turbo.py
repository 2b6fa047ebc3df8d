"""libjpeg-turbo through either of two packages, behind one strict interface."""

from __future__ import annotations

import ctypes.util
import mmap
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import simplejpeg

from streamcalib.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DecoderName = Literal["auto", "pyturbojpeg", "simplejpeg"]


class TurboError(Exception):
    """What libjpeg said, warnings included: nothing less than a clean decode is an image."""


class TurboDecoder(Protocol):
    """A strict JPEG decoder: accurate integer DCT, fancy upsampling, no scaling."""

    name: str

    def decode(
        self, data: bytes, pixels: str, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Return (H, W, C) in ``pixels`` ("RGB", "BGR" or "CMYK"); raise `TurboError`.

        The image is ``out`` itself, C-contiguous, if that is given and has the image's shape, and
        else a new array; after an error ``out`` holds anything.
        """
        ...

    def describe(self) -> str:
        """Return package, version and libjpeg-turbo version, for the manifest."""
        ...


class SimpleJpeg:
    """simplejpeg, whose wheels carry libjpeg-turbo."""

    name = "simplejpeg"

    def decode(
        self, data: bytes, pixels: str, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Decode; see `TurboDecoder.decode`."""
        try:
            image: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, pixels, buffer=out)
        except ValueError as error:
            raise TurboError(str(error)) from error
        if out is None:
            return image
        # Of another size, it lies at the beginning of the buffer, where the caller may write.
        return out if image.shape == out.shape else image.copy()

    def describe(self) -> str:
        """Describe; see `TurboDecoder.describe`."""
        library = _embedded_version(Path(simplejpeg._jpeg.__file__))
        return f"simplejpeg {_version('simplejpeg')}, libjpeg-turbo {library}"


class PyTurboJpeg:
    """PyTurboJPEG over the system's libturbojpeg.

    Raises
    ------
    RuntimeError, OSError
        If the library is not on this machine.
    """

    name = "pyturbojpeg"

    def __init__(self) -> None:
        from turbojpeg import TJPF_BGR, TJPF_CMYK, TJPF_RGB

        self._formats = {"RGB": TJPF_RGB, "BGR": TJPF_BGR, "CMYK": TJPF_CMYK}
        self._library = _strict_turbojpeg()

    def decode(
        self, data: bytes, pixels: str, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Decode; see `TurboDecoder.decode`."""
        image: NDArray[np.uint8] = self._library.decode(data, self._formats[pixels], dst=out)
        return image

    def describe(self) -> str:
        """Describe; see `TurboDecoder.describe`."""
        library = _embedded_version(_loaded_library("libturbojpeg"))
        return f"PyTurboJPEG {_version('PyTurboJPEG')}, libjpeg-turbo {library}"


@cache
def _strict_turbojpeg() -> Any:
    from turbojpeg import TurboJPEG

    class Strict(TurboJPEG):  # type: ignore[misc]
        # PyTurboJPEG hands libjpeg's warnings to Python's warning filters, which are global to the
        # process and not safe with threads. Its one error hook tells warnings and errors alike.
        def _TurboJPEG__report_error(self, handle: Any) -> None:  # noqa: N802
            raise TurboError(self._TurboJPEG__get_error_string(handle))

    if not hasattr(TurboJPEG, "_TurboJPEG__report_error"):
        raise RuntimeError("this PyTurboJPEG has no error hook")
    return Strict()


@cache
def find_decoder(name: DecoderName = "auto") -> TurboDecoder:
    """Return the decoder asked for; ``auto`` is PyTurboJPEG where its library is, else simplejpeg.

    Raises
    ------
    InputError
        If ``pyturbojpeg`` is asked for by name and the system has no libturbojpeg.
    """
    if name == "simplejpeg":
        return SimpleJpeg()
    try:
        return PyTurboJpeg()
    except (RuntimeError, OSError, AttributeError) as error:
        if name == "pyturbojpeg":
            reason = str(error).partition(". ")[0]  # behind it, advice for programmers
            raise InputError(
                f"PyTurboJPEG finds no libturbojpeg here ({reason}): install the system's "
                "libturbojpeg package, or use the decoder simplejpeg."
            ) from error
        return SimpleJpeg()


def _version(package: str) -> str:
    # Workers decode and never describe: they need not wait for this import.
    from importlib.metadata import version

    return version(package)


def _loaded_library(stem: str) -> Path | None:
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        found = ctypes.util.find_library(stem.removeprefix("lib"))
        return Path(found) if found else None
    match = re.search(rf"(/\S*{stem}\S*)", maps)
    return Path(match[1]) if match else None


def _embedded_version(library: Path | None) -> str:
    """Return the version that libjpeg-turbo's build line inside ``library`` states."""
    try:
        with library.open("rb") as file:  # type: ignore[union-attr]
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            match = re.search(rb"libjpeg-turbo version (\d[\w.]*)", view)
            return match[1].decode() if match else "of unknown version"
    except (OSError, AttributeError, ValueError):
        return "of unknown version"
