"""The sorted population of images behind a folder, a glob, or another list."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from streamcalib.errors import SourceError
from streamcalib.images.listfile import ImageList
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
        If the source does not exist, is no folder, glob or list, or holds no image.
    """
    text = os.fspath(source)
    shown = printable(text)
    suffixes = None if extensions is None else _suffixes(extensions)
    path = Path(text)
    if path.is_dir():
        wanted = suffixes or JPEG_SUFFIXES
        paths = list(_walk(os.path.abspath(text), wanted))  # noqa: PTH100 (keeps links)
        if not paths:
            endings = ", ".join(wanted)
            raise SourceError(
                f"no image ending in {endings} under {shown}: is it the right folder, or does it "
                "need --ext?"
            )
        paths.sort()
        return Population(paths, "folder")
    if path.is_file():
        if path.suffix.lower() != ".txt":
            raise SourceError(
                f"{shown} is a file, but no image list: a source is a folder, a glob, or a list "
                "ending in .txt."
            )
        return _from_list(path, suffixes)
    if glob.has_magic(text):
        found = glob.iglob(os.path.abspath(text), recursive=True)  # noqa: PTH100, PTH207
        named = (p for p in found if suffixes is None or p.lower().endswith(suffixes))
        paths = sorted(_posix(p) for p in named if not os.path.isdir(p))  # noqa: PTH112
        if not paths:
            raise SourceError(f"the glob {shown} matches no file.")
        return Population(paths, "glob")
    raise SourceError(f"the source {shown} does not exist.")


def _from_list(path: Path, suffixes: tuple[str, ...] | None) -> Population:
    images = ImageList.read(path)
    named = [_posix(os.path.abspath(images.resolve(i))) for i in range(len(images))]  # noqa: PTH100
    if suffixes is not None:
        named = [p for p in named if p.lower().endswith(suffixes)]
    paths = sorted(set(named))
    if not paths:
        raise SourceError(f"the list {printable(str(path))} names no image of that ending.")
    return Population(paths, "list", len(named) - len(paths))


def _walk(top: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    # Linked folders wait until every real one has been seen, so that an image which is reachable
    # in several ways keeps its real path whatever the order on disk.
    entered: set[tuple[int, int]] = set()
    waiting = [top]
    linked: list[str] = []
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.pop()
        status = os.stat(folder)  # noqa: PTH116
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        links: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    (links if entry.is_symlink() else waiting).append(entry.path)
                elif entry.name.lower().endswith(suffixes):
                    yield _posix(entry.path)
        linked = sorted([*linked, *links], reverse=True)


def _suffixes(extensions: Iterable[str]) -> tuple[str, ...]:
    return tuple("." + extension.strip().lstrip(".").lower() for extension in extensions)


def _posix(path: str) -> str:
    return path.replace(os.sep, "/") if os.sep != "/" else path
