"""The sorted population of images behind a folder, a glob, or another list."""

from __future__ import annotations

import glob
import os
import re
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from streamcalib.errors import SourceError
from streamcalib.images.listfile import ImageList, resolve
from streamcalib.paths import absolute_path, posix
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

JPEG_SUFFIXES = (".jpg", ".jpeg")
"""File endings listed by default, in any case."""

SourceKind = Literal["folder", "glob", "list"]


class Population(NamedTuple):
    """Everything that can be chosen from.

    Attributes
    ----------
    paths
        POSIX paths, absolute, sorted by code point.
    kind
        What the source was.
    duplicates
        How many entries of a list named an image that it had named before, and were dropped.
    """

    paths: list[str]
    kind: SourceKind
    duplicates: int = 0


def list_images(
    source: str | os.PathLike[str], extensions: Iterable[str] | None = None
) -> Population:
    """List the images of a source, sorted.

    Parameters
    ----------
    source
        A folder (searched whole; links are followed, and no folder is entered twice), a glob
        (``**`` crosses folders), or an image list ending in ``.txt``. Names that begin with a dot
        are passed over in folders and globs.
    extensions
        File endings to take, like ``("jpg", "png")``, in any case. By default ``jpg`` and
        ``jpeg`` of a folder, and everything that a glob or list names.

    Raises
    ------
    SourceError
        If the source does not exist, is no folder, glob or list, cannot be read, or holds no image.
    ListError
        If it is a list that is empty or not text.
    """
    text = os.fspath(source)
    suffixes = None if extensions is None else _suffixes(extensions)
    try:
        return _list(text, printable(text), suffixes)
    except SourceError:
        raise
    except OSError as error:
        place = printable(str(error.filename or text))
        raise SourceError(f"{place} cannot be listed: {error.strerror}.") from error


def _list(text: str, shown: str, suffixes: tuple[str, ...] | None) -> Population:
    path = Path(text)
    if path.is_dir():
        return _from_folder(text, shown, suffixes or JPEG_SUFFIXES)
    if path.is_file():
        if path.suffix.lower() != ".txt":
            raise SourceError(
                f"{shown} is a file, but no image list: a source is a folder, a glob, or a list "
                "ending in .txt."
            )
        return _from_list(path, suffixes)
    if glob.has_magic(text):
        return _from_glob(text, shown, suffixes)
    raise SourceError(f"the source {shown} does not exist.")


def _from_folder(text: str, shown: str, suffixes: tuple[str, ...]) -> Population:
    paths: list[str] = []
    for _, images in _walk([absolute_path(text)], suffixes):
        paths += images
    if not paths:
        raise SourceError(
            f"no image ending in {', '.join(suffixes)} under {shown}: is it the right folder, or "
            "does it need --ext?"
        )
    paths.sort()
    return Population(paths, "folder")


def _from_glob(text: str, shown: str, suffixes: tuple[str, ...] | None) -> Population:
    pattern = os.path.join(glob.escape(os.getcwd()), text)  # noqa: PTH109, PTH118
    real = cache(os.path.realpath)
    paths = [
        absolute_path(path, real)
        for path in _expand(pattern)
        if (suffixes is None or path.lower().endswith(suffixes)) and not os.path.isdir(path)  # noqa: PTH112
    ]
    if not paths:
        ending = f" ending in {', '.join(suffixes)}" if suffixes else ""
        raise SourceError(f"the glob {shown} matches no file{ending}.")
    return Population(_sorted_once(paths), "glob")


def _from_list(path: Path, suffixes: tuple[str, ...] | None) -> Population:
    images = ImageList.read(path)
    bases, named = images.bases, list(images.paths)
    # A million names fit in memory once, not twice: each entry makes way for its path.
    del images
    real = cache(os.path.realpath)
    for index, entry in enumerate(named):
        named[index] = absolute_path(resolve(entry, bases), real)
    if suffixes is not None:
        named = [name for name in named if name.lower().endswith(suffixes)]
    if not named:
        raise SourceError(
            f"the list {printable(str(path))} names no image ending in {', '.join(suffixes or ())}."
        )
    paths = _sorted_once(named)
    return Population(paths, "list", len(named) - len(paths))


def _expand(pattern: str) -> Iterator[str]:
    # glob follows links round and round under "**", so this walks those folders itself.
    head, *tail = re.split(r"(?<=/)\*\*(?:/|$)", pattern, maxsplit=1)
    if not tail:
        yield from glob.iglob(pattern)  # noqa: PTH207
        return
    for folder, _ in _walk(glob.iglob(head), ()):  # noqa: PTH207
        yield from _expand(os.path.join(glob.escape(folder), tail[0] or "*"))  # noqa: PTH118


def _walk(tops: Iterable[str], suffixes: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder under ``tops``, them included, with its images; none is entered twice."""
    # Linked folders wait until every real one has been seen, so that an image which is reachable
    # in several ways keeps its real path whatever the order on disk.
    entered: set[tuple[int, int]] = set()
    waiting = list(tops)
    linked: list[str] = []
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.pop()
        status = os.stat(folder)  # noqa: PTH116
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        images: list[str] = []
        links: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if _leads_to_folder(entry):
                    (links if entry.is_symlink() else waiting).append(entry.path)
                elif entry.name.lower().endswith(suffixes):
                    images.append(posix(entry.path))
        linked = sorted([*linked, *links], reverse=True)
        yield folder, images


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself, or where this user may not go.
        return False


def _sorted_once(paths: list[str]) -> list[str]:
    paths.sort()
    return [path for path, _ in groupby(paths)]


def _suffixes(extensions: Iterable[str]) -> tuple[str, ...]:
    return tuple("." + extension.strip().lstrip(".").lower() for extension in extensions)
