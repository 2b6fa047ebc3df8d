"""Images that must lie inside certain places: by their names, and by where links lead."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Self

from streamcalib.errors import ImageError, ListError
from streamcalib.images.lines import numbered_entries
from streamcalib.images.places import Place, is_absolute, is_url
from streamcalib.images.resolving import candidates
from streamcalib.paths import absolute_path
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from streamcalib.images.listfile import ImageList

_MOST_NAMED = 3


@dataclass(frozen=True)
class Confines:
    """Folders and URLs outside of which no image is read.

    Of an archive's members only the archive counts: their names lead nowhere.

    On Linux the system is asked which file was opened, after it was opened: an image whose path
    led inside when it was looked at, and outside a moment later, is found out. Elsewhere a path is
    resolved, opened without following a last link, and compared with what stands there; a folder
    that is exchanged for a link in between can escape. Hard links and mounts inside of the folders
    count as inside.

    Attributes
    ----------
    named
        The folders, absolute, as they are named and as links resolve.
    real
        The folders with all links resolved.
    urls
        The URLs, taken as folders.
    """

    named: tuple[str, ...]
    real: tuple[str, ...]
    urls: tuple[str, ...] = ()

    @classmethod
    def of(cls, folders: Iterable[str | os.PathLike[str]]) -> Self:
        """Return the confines that are these folders and URLs."""
        texts = [os.fspath(folder) for folder in folders]
        urls = dict.fromkeys(text.rstrip("/") for text in texts if is_url(text))
        named = [os.path.abspath(text) for text in texts if not is_url(text)]  # noqa: PTH100 (keeps links)
        real = [os.path.realpath(folder) for folder in named]
        return cls(tuple(dict.fromkeys([*named, *real])), tuple(dict.fromkeys(real)), tuple(urls))

    def name_inside(self, path: str, real: Callable[[str], str] = os.path.realpath) -> bool:
        """Whether a place's name alone keeps it inside; only links before a ``..`` are followed."""
        location = Place.of(path).location
        if is_url(location):
            return self._holds_url(location)
        path = absolute_path(location, real)
        return any(_is_below(path, folder) for folder in self.named)

    def holds(self, path: str) -> bool:
        """Whether a place lies inside once all links are resolved."""
        location = Place.of(path).location
        if is_url(location):
            return self._holds_url(location)
        real = os.path.realpath(location)
        return any(_is_below(real, folder) for folder in self.real)

    def holds_open(self, file: int, path: str) -> bool:
        """Whether an open file, ``path`` when it was opened, lies inside."""
        try:
            found = os.readlink(f"/proc/self/fd/{file}")  # noqa: PTH115
        except OSError:
            real = os.path.realpath(path)
            return self.holds(real) and os.path.samestat(os.lstat(real), os.fstat(file))
        return any(_is_below(found, folder) for folder in self.real)

    def _holds_url(self, url: str) -> bool:
        return ".." not in url.split("/") and any(_is_below(url, top) for top in self.urls)

    def outside(self) -> ImageError:
        """Return the error of an image that lies outside."""
        return ImageError(f"it leads outside of {self.shown} (--confine)")

    @property
    def shown(self) -> str:
        """The folders and URLs for messages."""
        return " and ".join(printable(folder) for folder in (*self.named, *self.urls))


def check_names(images: ImageList, confines: Confines) -> None:
    """Make sure that no entry or spare leads outside by ``..`` or as an absolute path.

    Raises
    ------
    ListError
        If one does; the first of them are named with their lines.
    """
    real = cache(os.path.realpath)
    outside = [n for n, one in enumerate(images.paths) if not _fits(one, images, confines, real)]
    spares = enumerate(images.spares)
    outside += [-1 - n for n, one in spares if not _fits(one, images, confines, real)]
    if not outside:
        return
    named = "\n".join(f"  {line}" for line in _described(images, outside[:_MOST_NAMED]))
    more = len(outside) - _MOST_NAMED
    rest = f"\n  and {more} more" if more > 0 else ""
    one = len(outside) == 1
    raise ListError(
        f"--confine: {len(outside)} {'path' if one else 'paths'} of {images.label} "
        f"{'leads' if one else 'lead'} outside of {confines.shown}:\n{named}{rest}\n"
        "Take them off the list, name with --root a folder that holds all images, or leave "
        "--confine out."
    )


def _fits(entry: str, images: ImageList, confines: Confines, real: Callable[[str], str]) -> bool:
    if "\0" in entry:  # no name at all, and so a bad image
        return True
    # Most names neither climb nor start at the root, and stay inside whatever the folders are.
    if ".." not in entry and not is_absolute(entry) and images.within is None:
        return True
    return any(confines.name_inside(place, real) for place in candidates(entry, images.bases))


def _described(images: ImageList, outside: list[int]) -> Iterator[str]:
    lines = _line_numbers(images, [index for index in outside if index >= 0])
    for index in outside:
        if index < 0:
            yield f"spare {-index}: {printable(images.spares[-1 - index])}"
        elif index in lines:
            yield f"line {lines[index]}: {printable(images.paths[index])}"
        else:
            yield f"image {index + 1}: {printable(images.paths[index])}"


def _line_numbers(images: ImageList, indices: list[int]) -> dict[int, int]:
    """Return the lines of entries in the list's file, as far as it still has them there."""
    if images.file is None or not os.path.isfile(images.file):  # noqa: PTH113
        return {}
    wanted = set(indices)
    try:
        numbered = enumerate(numbered_entries(images.file))
        return {
            index: number
            for index, (number, entry) in numbered
            if index in wanted and entry == images.paths[index]
        }
    except ListError:
        return {}


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
