"""What workers of a cluster say before work starts, and whether they can do it."""

from __future__ import annotations

import os
import platform
import secrets
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from streamcalib.errors import InputError
from streamcalib.owner import Owner
from streamcalib.pixels.pillow import describe_pillow
from streamcalib.pixels.turbo import DecoderName, find_decoder
from streamcalib.version import __version__
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from streamcalib.images.listfile import ImageList


class Answer(NamedTuple):
    """What a process says of itself.

    Attributes
    ----------
    host
        Its machine, and what tells one start of it from another.
    versions
        What decides the bytes of rows, each under its name.
    """

    host: tuple[str, str]
    versions: dict[str, str]


def answer(decoder: DecoderName) -> Answer:
    """Return what this process says of itself; raises ``InputError`` without the decoder."""
    owner = Owner.here()
    return Answer((owner.host, owner.boot), versions_here(decoder))


@cache
def versions_here(decoder: DecoderName, *, with_pillow: bool = False) -> dict[str, str]:
    """Return what decides the bytes of rows here; raises ``InputError`` without the decoder.

    Pillow decides those of some recipes only.
    """
    major, minor, _ = platform.python_version_tuple()
    pillow = {"Pillow": describe_pillow()} if with_pillow else {}
    return {
        "streamcalib": __version__,
        "Python": f"{major}.{minor}",
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
        "the JPEG decoder": find_decoder(decoder).describe(),
        **pillow,
    }


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Return the first version that differs, with both values, or nothing."""
    for name, value in here.items():
        other = there.get(name, "none")
        if other != value:
            return f"{name} is {printable(value)} here, and {printable(other)}"
    return ""


def check_versions(answers: Mapping[str, object], decoder: DecoderName) -> list[Answer]:
    """Return the answers of workers, by address, if all have this process's versions.

    Raises
    ------
    InputError
        If one has another, or could not answer; the message says which, where, and both values.
    """
    own, sound = answer(decoder), []
    for worker, said in answers.items():
        if not isinstance(said, Answer):
            raise InputError(
                f"the worker {printable(worker)} cannot build: {printable(_shown(said))}. Install "
                f"streamcalib {__version__} and what it needs there, as on this host."
            )
        if trouble := difference(own.versions, said.versions):
            mend = ", or say --decoder simplejpeg." if "decoder" in trouble else "."
            raise InputError(
                f"{trouble} on the worker {printable(worker)}: rows could differ. Install the same "
                f"on all hosts{mend}"
            )
        sound.append(said)
    return sound


def are_all_here(answers: Sequence[Answer]) -> bool:
    """Whether all workers are on this process's host."""
    owner = Owner.here()
    return all(said.host == (owner.host, owner.boot) for said in answers)


class Probe(NamedTuple):
    """What a worker must see: the build's folder, and some images.

    Attributes
    ----------
    token
        A file of the folder, and what it holds; None if no folder need be seen.
    images
        Files.
    """

    token: tuple[Path, str] | None
    images: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path | None, images: ImageList) -> Probe:
        """Write a token into a folder, and choose images; raises ``OSError``."""
        text = secrets.token_hex(8)
        if folder is not None:
            (folder / "token").write_text(text)
        chosen = (images.resolve(index) for index in sorted({0, len(images) // 2, len(images) - 1}))
        files = tuple(path for path in chosen if os.path.exists(path))  # noqa: PTH110
        return cls(None if folder is None else (folder / "token", text), files)

    def unseen(self) -> str:
        """Return what this process does not see or cannot write, in words; else nothing."""
        return self._unseen_folder() or self._unseen_image()

    def _unseen_folder(self) -> str:
        if self.token is None:
            return ""
        path, text = self.token
        try:
            own = path.with_name(f"token-{secrets.token_hex(8)}")
            if path.read_text() != text:
                return f"sees another folder at {printable(str(path.parent))}"
            own.touch(exist_ok=False)
            own.unlink()
        except OSError as error:
            why = error.strerror or str(error)
            return f"cannot read and write {printable(str(path.parent))} ({why.lower()})"
        return ""

    def _unseen_image(self) -> str:
        for image in self.images:
            if not os.path.exists(image):  # noqa: PTH110
                return f"does not see the image {printable(image)}"
        return ""


def is_seen(answers: Mapping[str, object]) -> bool:
    """Whether all workers see what they must, by what they say."""
    return not any(_troubles(answers))


def check_seen(answers: Mapping[str, object]) -> None:
    """Make sure that all workers, by address, see what they must.

    Raises
    ------
    InputError
        If one does not; the message says which, and what.
    """
    for worker, said in _troubles(answers):
        raise InputError(
            f"the worker {printable(worker)} {said}. Images and output must lie on a file system "
            "that all hosts share, under the same paths, or behind URLs."
        )


def _troubles(answers: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for worker, said in answers.items():
        if not isinstance(said, str):
            yield worker, f"cannot look: {printable(_shown(said))}"
        elif said:
            yield worker, said


def _shown(error: object) -> str:
    return f"{type(error).__name__}: {error}" if isinstance(error, Exception) else str(error)
