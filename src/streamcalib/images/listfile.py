"""Image lists: one image a line, and the side file that says where the list comes from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from streamcalib.datafile import parse_json, read_data, to_json
from streamcalib.durable import write_text
from streamcalib.errors import ListError
from streamcalib.images.lines import UTF16_MARKS, read_entries
from streamcalib.images.presence import none_present
from streamcalib.images.resolving import candidates, entry_of, resolve, root_base, start_of
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamcalib.images.places import Base

SIDE_FORMAT = "streamcalib-list"
SIDE_VERSION = 1
_PROBED = 1000
_BLOCK_ENTRIES = 2**12


@dataclass(frozen=True)
class ImageList(Sequence[str]):
    """Images, in row order.

    A sequence of entries as the list writes them: paths, members of archives (``ARCHIVE::MEMBER``,
    if ``ARCHIVE`` ends in .zip or .tar) and URLs. A slice is an `ImageList`.

    Attributes
    ----------
    paths
        The entries, in POSIX form.
    bases
        Folders against which relative entries are resolved, in the order they are tried; or a URL.
    file
        The list's own file, or None if it was never read or written.
    spares
        Entries that can take the place of bad images, in order.
    provenance
        How the list was chosen: source, rule, seed, count, population. Empty if unknown.
    within
        Folders or URLs in which the images must lie if they are confined; by default ``bases``.
    """

    paths: Sequence[str]
    bases: tuple[Base, ...] = field(default_factory=lambda: (Path.cwd(),))
    file: Path | None = None
    spares: Sequence[str] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    within: tuple[Base, ...] | None = None

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None
    ) -> Self:
        """Read a list.

        One path a line, UTF-8 with or without BOM, any line ending. Blank lines and lines that
        begin with ``#`` are passed over. Relative paths are resolved against ``root`` if given, a
        folder or URL, else the current folder, else the list's own.

        Raises
        ------
        ListError
            If the list is missing, empty, or not text, or if ``root`` is not a folder.
        """
        file = Path(path)
        shown = printable(str(path))
        paths = read_entries(file)
        if not paths:
            raise ListError(f"the list {shown} names no image.")
        bases = start_of(file) if root is None else (root_base(root),)
        side = _read_side_file(file, paths)
        return cls(paths, bases, file, side.pop("spares", ()), side)

    @classmethod
    def of(
        cls, images: ImageList | str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
    ) -> ImageList:
        """Return ``images`` as a list: a list itself, the path of one, or the paths of images."""
        if isinstance(images, ImageList):
            return images
        if isinstance(images, str | os.PathLike):
            return cls.read(images)
        paths = [entry_of(path) for path in images]
        if not paths:
            raise ListError("there is no image to build from: the list of paths is empty.")
        return cls(paths)

    def write(self, path: str | os.PathLike[str]) -> ImageList:
        """Write the list and its side file, each in one step, and return the list as read back.

        Raises
        ------
        ListError
            If a path holds a line break and cannot stand in a list.
        OSError
            If the folder cannot be written.
        """
        written = self._as_in(Path(path))
        write_text(Path(path), "".join(f"{line}\n" for line in written.paths))
        written._write_side_file()
        return written

    def adopt(self, path: str | os.PathLike[str]) -> ImageList:
        """Return this list as the one in ``path``, which has the same entries and stays as it is.

        Only its side file is written. Raises as `write` does.
        """
        adopted = self._as_in(Path(path))
        adopted._write_side_file()
        return adopted

    def _as_in(self, file: Path) -> ImageList:
        return replace(
            self,
            paths=[listable(entry) for entry in self.paths],
            spares=[listable(entry) for entry in self.spares],
            file=file,
        )

    def _write_side_file(self) -> None:
        if self.file is None:
            raise ListError("a list has a side file once it has been written.")
        side = {
            "format": SIDE_FORMAT,
            "version": SIDE_VERSION,
            **self.provenance,
            "entries_sha256": self.entries_sha256,
            "spares": list(self.spares),
        }
        write_text(side_file(self.file), to_json(side) + "\n")

    def resolve(self, index: int) -> str:
        """Return an entry's path: in the first base where it is, else where it was first sought."""
        return resolve(self.paths[index], self.bases)

    def source(self, index: int) -> str:
        """Return an entry, counting on into the spares behind the list's end."""
        return self.paths[index] if index < len(self) else self.spares[index - len(self)]

    def check_present(self) -> None:
        """Make sure that the list is not for another folder.

        Raises
        ------
        ListError
            If none of the first thousand images is there; the message says where they were sought.
        """
        count = min(len(self), _PROBED)
        reason = none_present([self.resolve(index) for index in range(count)])
        if reason is None:
            return
        sought = "\n".join(f"  {printable(path)}" for path in candidates(self.paths[0], self.bases))
        missing = "the only image" if count == 1 else f"none of the first {count} images"
        there = "is not there" if count == 1 else "is there"
        raise ListError(
            f"{missing} of {self.label} {there}. {printable(self.paths[0])!r} was sought as\n"
            f"{sought}\n{reason}Say which folder the paths start from with --root."
        )

    @property
    def label(self) -> str:
        """The list's file, or what it is, for messages."""
        return "the list" if self.file is None else printable(str(self.file))

    @property
    def entries_sha256(self) -> str:
        """SHA-256 of the entries, the same whatever the file's line endings and comments."""
        return entries_sha256(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> ImageList: ...
    def __getitem__(self, index: int | slice) -> str | ImageList:
        if isinstance(index, slice):
            return ImageList(self.paths[index], self.bases)
        return self.paths[index]


def entries_sha256(entries: Sequence[str]) -> str:
    """Return the SHA-256, in hex, of the entries, each ended by a line feed."""
    digest = hashlib.sha256()
    for start in range(0, len(entries), _BLOCK_ENTRIES):
        block = "\n".join(entries[start : start + _BLOCK_ENTRIES])
        digest.update(block.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def listable(entry: str) -> str:
    """Return a path so that a line of a list means it: no comment, blank line or byte order mark.

    Raises
    ------
    ListError
        If it holds a line break.
    """
    if "\n" in entry or "\r" in entry:
        raise ListError(
            f"the name {printable(entry)} holds a line break and cannot stand in a list: rename "
            "the file."
        )
    mistakable = entry.startswith(("#", "\ufeff", *UTF16_MARKS)) or not entry.strip()
    return f"./{entry}" if mistakable else entry


def side_file(path: Path) -> Path:
    """Return the side file of a list: ``quant100.txt.json`` of ``quant100.txt``."""
    return path.with_name(path.name + ".json")


def _read_side_file(file: Path, paths: list[str]) -> dict[str, Any]:
    try:
        side = parse_json(read_data(side_file(file)))
    except (OSError, ValueError):
        return {}
    if not isinstance(side, dict) or side.get("format") != SIDE_FORMAT:
        return {}
    # A list that was edited since is no longer the one that the side file speaks of.
    if side.get("version") != SIDE_VERSION or side.get("entries_sha256") != entries_sha256(paths):
        return {}
    spares = side.get("spares", [])
    if not isinstance(spares, list) or not all(isinstance(entry, str) for entry in spares):
        return {}
    return {k: v for k, v in side.items() if k not in ("format", "version", "entries_sha256")}
