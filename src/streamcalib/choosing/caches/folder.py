"""Where it is kept: beside the list, so that it can be seen, and goes when the folder goes."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.images.archives.cache import cache_folder
from streamcalib.images.listfile import ImageList
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FOLDER = ".streamcalib"
"""Name of the folder in which all lists beside it keep what was measured."""

# What tells git, and programs that make backups, to pass the folder over.
_SIGNS = {
    ".gitignore": b"*\n",
    "CACHEDIR.TAG": b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# What streamcalib measured of images. It can be deleted at any time.\n",
}

_log = logging.getLogger(__name__)


class Opened(NamedTuple):
    """A file of a cache that could be opened.

    Attributes
    ----------
    path
        Where it is.
    rows
        Its database.
    """

    path: Path
    rows: sqlite3.Connection


def beside(file: str | os.PathLike[str]) -> Path:
    """Return the folder in which what is measured for a list is kept."""
    return Path(file).parent / FOLDER


def beside_first(lists: Iterable[ImageList | str | os.PathLike[str]]) -> Path | None:
    """Return the folder beside the first of some lists that is a file, or None if none is one."""
    for one in lists:
        file = one.file if isinstance(one, ImageList) else one
        if file is None:
            continue
        # Names like /dev/stdin are links: nothing is to be kept beside them.
        real = os.path.realpath(file)
        if os.path.isfile(real):  # noqa: PTH113
            return beside(real)
    return None


def open_kept(
    cache: str | os.PathLike[str] | None, name: str, opening: Callable[[Path], sqlite3.Connection]
) -> Opened | None:
    """Open a file of the cache, in the first folder that can be used; None if there is none.

    That it is not the wanted folder is told, in one notice.

    Parameters
    ----------
    cache
        The wanted folder, made if need be; behind it, or by default, comes the one in the user's
        cache folder.
    name
        Of the file: a path in these folders.
    opening
        Opens or makes it; may raise ``OSError`` and ``sqlite3.Error``.
    """
    own = cache_folder(os.environ)
    refused: list[tuple[Path, Exception]] = []
    for folder in (None if cache is None else Path(cache), own):
        if folder is None:
            continue
        path = folder / name
        try:
            _make(folder, path)
            found = Opened(path, opening(path))
        except (OSError, sqlite3.Error) as error:
            refused.append((folder, error))
        else:
            if refused:
                _tell(*refused[0], folder)
            return found
    if refused:
        _tell(*refused[0], None)
    else:
        _tell_once("there is no cache folder", "set XDG_CACHE_HOME", _PASSING)
    return None


def _make(folder: Path, file: Path) -> None:
    """Make a cache folder, and that of a file in it; raises ``OSError`` if it cannot be used."""
    if folder.name == FOLDER:
        # It may have come with somebody's lists: nothing in it may lead elsewhere.
        for path in (folder, file.parent, file):
            if path.is_symlink():
                raise OSError(f"{path.name} is a link")
    for path in dict.fromkeys((folder, file.parent)):
        if os.path.lexists(path) and not path.is_dir():
            raise OSError(f"{path.name} is no folder")
        path.mkdir(parents=True, exist_ok=True)
    if folder.name == FOLDER:
        for name, text in _SIGNS.items():
            with suppress(FileExistsError), (folder / name).open("xb") as sign:
                sign.write(text)


_PASSING = "for this command only"


def _tell(folder: Path, error: Exception, instead: Path | None) -> None:
    reason = getattr(error, "strerror", None) or str(error)
    _tell_once(
        f"nothing can be kept in {printable(str(folder))}",
        printable(str(reason)),
        _PASSING if instead is None else f"in {printable(str(instead))}",
    )


# A command may come here for several files of one folder.
@lru_cache(maxsize=64)
def _tell_once(what: str, reason: str, where: str) -> None:
    _log.warning("%s (%s): what is measured is kept %s", what, reason, where)
