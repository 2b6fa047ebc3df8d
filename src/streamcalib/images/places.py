"""What an entry of a list names: a file, a member of an archive, or an object behind a URL."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import unquote

from streamcalib.paths import absolute_path

if TYPE_CHECKING:
    from collections.abc import Callable

Base = Path | str
"""Where relative entries start from: a folder, or a URL, which a `Path` would spoil."""

ARCHIVE_SUFFIXES = (".zip", ".tar")
"""Endings of the archives whose members can be read at random, in any case."""

COMPRESSED_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
"""Endings of archives that are compressed as a whole."""

MARK = "::"
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_FILE_URL = re.compile(r"file://(?:localhost)?(/.*)", re.IGNORECASE | re.DOTALL)


class Place(NamedTuple):
    """Where an image is.

    Attributes
    ----------
    location
        Path or URL of its file, or of the archive that it is a member of.
    member
        Its name inside the archive, or None.
    """

    location: str
    member: str | None

    @classmethod
    def of(cls, text: str) -> Self:
        """Return what ``ARCHIVE::MEMBER``, a path or a URL names.

        Only if the part before the first ``::`` ends in .zip or .tar is the rest a member's name.
        """
        if MARK in text:
            location, _, member = text.partition(MARK)
            if is_archive(location):
                return cls(location, member)
        return cls(text, None)

    @property
    def is_remote(self) -> bool:
        """Whether it lies behind a URL."""
        return is_url(self.location)

    def __str__(self) -> str:
        """Return it as a list writes it."""
        return self.location if self.member is None else f"{self.location}{MARK}{self.member}"


def is_url(text: str) -> bool:
    """Whether a text is an address like ``s3://bucket/key``."""
    return "://" in text and _URL.match(text) is not None


def is_own_memory(place: Base) -> bool:
    """Whether a place is in this process's own memory, which others do not see."""
    return isinstance(place, str) and place[:9].lower() == "memory://"


def is_archive(location: str) -> bool:
    """Whether a path or URL ends as an archive's does whose members can be read at random."""
    return location.lower().endswith(ARCHIVE_SUFFIXES)


def as_base(text: str | os.PathLike[str]) -> Base:
    """Return a folder or URL as a base for entries."""
    return str(text) if is_url(os.fspath(text)) else Path(text)


def joined(base: Base, entry: str) -> str:
    """Return where a relative entry is if it starts from ``base``."""
    if isinstance(base, str):
        return f"{base.rstrip('/')}/{entry}"
    return os.path.join(base, entry)  # noqa: PTH118


def is_absolute(entry: str) -> bool:
    """Whether an entry is itself, wherever a list starts from."""
    return os.path.isabs(entry) or is_url(entry)  # noqa: PTH117


def without_file_scheme(entry: str) -> str:
    """Return the path that a ``file://`` address is about; anything else as it is."""
    match = _FILE_URL.fullmatch(entry) if "://" in entry else None
    return entry if match is None else unquote(match[1], errors="surrogateescape")


def on_disk(text: str) -> str | None:
    """Return the file that must be on this machine for an entry's place, None behind a URL."""
    place = Place.of(text)
    return None if place.is_remote else place.location


def absolute_place(text: str, real: Callable[[str], str] = os.path.realpath) -> str:
    """Return a place with its path made absolute as `absolute_path` does; a URL as it is."""
    place = Place.of(without_file_scheme(text))
    if place.is_remote:
        return str(place)
    return str(place._replace(location=absolute_path(place.location, real)))


def normal_member(name: str) -> str:
    """Return a member's name as extraction takes it: no leading slash, no ``.`` parts."""
    if not name.startswith((".", "/")) and "/." not in name and "//" not in f"{name}/":
        return name
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def extracted(text: str) -> str:
    """Return where an entry would be if its archive were extracted into the folder it lies in."""
    place = Place.of(text)
    if place.member is None:
        return text
    folder, slash, _ = place.location.rpartition("/")
    return f"{folder}{slash}{normal_member(place.member)}"
