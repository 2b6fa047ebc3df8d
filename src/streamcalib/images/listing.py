"""The sorted population of images behind a folder, a glob, a list, archives, or a URL."""

from __future__ import annotations

import glob
import os
import re
import shlex
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from streamcalib.errors import SourceError, StreamcalibError
from streamcalib.images.braces import expanded, has_range
from streamcalib.images.listfile import ImageList
from streamcalib.images.members import images_in
from streamcalib.images.places import (
    ARCHIVE_SUFFIXES,
    COMPRESSED_SUFFIXES,
    MARK,
    Place,
    absolute_place,
    extracted,
    is_archive,
    is_url,
    without_file_scheme,
)
from streamcalib.images.resolving import resolve
from streamcalib.paths import absolute_path, posix
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

JPEG_SUFFIXES = (".jpg", ".jpeg")
"""File endings listed by default, in any case."""

SourceKind = Literal["folder", "glob", "list", "zip", "tar", "url"]
_Suffixes = tuple[str, ...]


class Population(NamedTuple):
    """Everything that can be chosen from.

    Attributes
    ----------
    paths
        POSIX paths, absolute, members of archives, and URLs. They are sorted by code point, a
        member as the path that it would have if its archive were extracted where it lies.
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
        (``**`` crosses folders), an image list ending in ``.txt``, a ``.zip`` or uncompressed
        ``.tar``, many of them as ``shards-{000..099}.tar``, or a URL, taken as a folder's unless
        it ends as an archive does. Archives that a glob or list names stand for their images.
        Names that begin with a dot are passed over in folders, globs and archives.
    extensions
        File endings to take, like ``("jpg", "png")``, in any case. By default ``jpg`` and
        ``jpeg`` of a folder, archive or URL, and everything that a glob or list names.

    Raises
    ------
    SourceError
        If the source does not exist, is nothing of these, cannot be read, or holds no image.
    ListError
        If it is a list that is empty or not text.
    """
    text = without_file_scheme(os.fspath(source))
    suffixes = None if extensions is None else _suffixes(extensions)
    try:
        return _list(text, printable(text), suffixes)
    except StreamcalibError:
        raise
    except OSError as error:
        place = printable(str(error.filename or text))
        raise SourceError(f"{place} cannot be listed: {error.strerror}.") from error


def _list(text: str, shown: str, suffixes: _Suffixes | None) -> Population:
    path = Path(text)
    if path.is_dir():
        return _from_folder(text, shown, suffixes or JPEG_SUFFIXES)
    if path.is_file():
        if is_archive(text):
            return _from_archives([absolute_path(text)], shown, suffixes or JPEG_SUFFIXES)
        if path.suffix.lower() != ".txt":
            raise SourceError(_no_source(text, shown))
        return _from_list(path, suffixes)
    if has_range(text):
        names = [absolute_place(name) for name in expanded(text)]
        if not all(map(is_archive, names)):
            raise SourceError(f"{shown} must end in .zip or .tar: ranges in braces are for shards.")
        return _from_archives(names, shown, suffixes or JPEG_SUFFIXES)
    if is_url(text):
        if is_archive(text):
            return _from_archives([text], shown, suffixes or JPEG_SUFFIXES)
        return _from_url(text, shown, suffixes or JPEG_SUFFIXES)
    if glob.has_magic(text):
        return _from_glob(text, shown, suffixes)
    raise SourceError(f"the source {shown} does not exist.")


def _no_source(text: str, shown: str) -> str:
    if text.lower().endswith(COMPRESSED_SUFFIXES):
        return (
            f"{shown} is compressed as a whole, and no member can be reached without all that "
            "stand before it: decompress it to a .tar first."
        )
    return (
        f"{shown} is a file, but no image list: a source is a folder, a glob, a list ending in "
        ".txt, a .zip, a .tar, or a URL."
    )


def _from_folder(text: str, shown: str, suffixes: _Suffixes) -> Population:
    paths: list[str] = []
    for _, images in _walk([absolute_path(text)], suffixes):
        paths += images
    if not paths:
        raise SourceError(_no_image(absolute_path(text), shown, suffixes))
    _check_names(paths)
    paths.sort()
    return Population(paths, "folder")


def _no_image(folder: str, shown: str, suffixes: _Suffixes) -> str:
    """Return what is said of a folder that holds no image; archives in it are named."""
    missing = f"no image ending in {', '.join(suffixes)} under {shown}"
    found = next((min(images) for _, images in _walk([folder], ARCHIVE_SUFFIXES) if images), None)
    if found is None:
        return f"{missing}: is it the right folder, or does it need --ext?"
    pattern = os.path.join(glob.escape(os.path.dirname(found)), "*" + found[-4:])  # noqa: PTH118, PTH120
    return (
        f"{missing}, but there are archives: sample from {printable(found)}, or from all beside it "
        f"with {printable(shlex.quote(pattern))}."
    )


def _from_archives(names: list[str], shown: str, suffixes: _Suffixes) -> Population:
    paths = [entry for name in names for entry in images_in(name, suffixes)]
    if not paths:
        raise SourceError(
            f"no image ending in {', '.join(suffixes)} in {shown}: does it need --ext?"
        )
    kind: SourceKind = "zip" if names[0].lower().endswith(".zip") else "tar"
    return Population(_sorted_once(paths), kind)


def _from_url(text: str, shown: str, suffixes: _Suffixes) -> Population:
    # Imported where it is used: most sources are on this machine.
    from streamcalib.images.objects.listing import list_objects

    paths = []
    top = len(text.rstrip("/"))
    for url, _ in list_objects(text):
        if url.lower().endswith(suffixes) and "/." not in url[top:]:
            paths.append(url)
    if not paths:
        raise SourceError(
            f"no object ending in {', '.join(suffixes)} below {shown}, which is taken as a folder: "
            "is it the right one, or does it need --ext?"
        )
    _check_names(paths)
    return Population(_sorted_once(paths), "url")


def _check_names(paths: list[str]) -> None:
    """Make sure that no name would be taken for that of an archive's member."""
    for path in paths:
        if MARK in path and Place.of(path).member is not None:
            raise SourceError(
                f"the name {printable(path)} would be taken for that of an archive's member: "
                "rename it."
            )


def _from_glob(text: str, shown: str, suffixes: _Suffixes | None) -> Population:
    pattern = os.path.join(glob.escape(os.getcwd()), text)  # noqa: PTH109, PTH118
    real = cache(os.path.realpath)
    paths = [
        absolute_path(path, real)
        for path in _expand(pattern)
        if (suffixes is None or path.lower().endswith((*suffixes, *ARCHIVE_SUFFIXES)))
        and not os.path.isdir(path)  # noqa: PTH112
    ]
    _check_names(paths)
    paths = _with_members(paths, suffixes)
    if not paths:
        ending = f" ending in {', '.join(suffixes)}" if suffixes else ""
        raise SourceError(f"the glob {shown} matches no file{ending}.")
    return Population(_sorted_once(paths), "glob")


def _from_list(path: Path, suffixes: _Suffixes | None) -> Population:
    images = ImageList.read(path)
    bases, named = images.bases, list(images.paths)
    # A million names fit in memory once, not twice: each entry makes way for its path.
    del images
    real = cache(os.path.realpath)
    for index, entry in enumerate(named):
        named[index] = absolute_place(resolve(entry, bases), real)
    named = _with_members(named, suffixes)
    if suffixes is not None:
        named = [name for name in named if name.lower().endswith(suffixes)]
    if not named:
        raise SourceError(
            f"the list {printable(str(path))} names no image ending in {', '.join(suffixes or ())}."
        )
    paths = _sorted_once(named)
    return Population(paths, "list", len(named) - len(paths))


def _with_members(paths: list[str], suffixes: _Suffixes | None) -> list[str]:
    """Return the paths with archives among them replaced by their images."""
    if not any(map(is_archive, paths)):
        return paths
    wanted = suffixes or JPEG_SUFFIXES
    return [
        entry
        for path in paths
        for entry in (images_in(path, wanted) if is_archive(path) else (path,))
    ]


def _expand(pattern: str) -> Iterator[str]:
    # glob follows links round and round under "**", so this walks those folders itself.
    head, *tail = re.split(r"(?<=/)\*\*(?:/|$)", pattern, maxsplit=1)
    if not tail:
        yield from glob.iglob(pattern)  # noqa: PTH207
        return
    for folder, _ in _walk(glob.iglob(head), ()):  # noqa: PTH207
        yield from _expand(os.path.join(glob.escape(folder), tail[0] or "*"))  # noqa: PTH118


def _walk(tops: Iterable[str], suffixes: _Suffixes) -> Iterator[tuple[str, list[str]]]:
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
    if any(MARK in path for path in paths):
        # Where members would be, extracted; those of one name stay in the order of their archives.
        paths.sort(key=extracted)
    return [path for path, _ in groupby(paths)]


def _suffixes(extensions: Iterable[str]) -> tuple[str, ...]:
    return tuple("." + extension.strip().lstrip(".").lower() for extension in extensions)
