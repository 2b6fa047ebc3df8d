"""Writing a chosen list where it will be found again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from streamcalib.durable import obstacle
from streamcalib.errors import InputError, ListError, OutputError
from streamcalib.gitignore import IgnoreChange, ignore_sets, in_work_tree
from streamcalib.images.listfile import ImageList, listable, side_file
from streamcalib.images.places import is_url
from streamcalib.wording import printable


class SavedList(NamedTuple):
    """A list on disk.

    Attributes
    ----------
    images
        The list, with its file.
    unchanged
        Whether the file held exactly this list before.
    gitignore
        What was done to the folder's ``.gitignore``, or None if nothing was asked.
    """

    images: ImageList
    unchanged: bool
    gitignore: IgnoreChange | None


def check_list(out: str | os.PathLike[str], *, count: int | None = None) -> None:
    """Make sure that a list may be written, before it is chosen.

    Parameters
    ----------
    count
        How many images it will name; a list of as many that is there may be the very same.

    Raises
    ------
    OutputError
        If it is a URL, its name does not end in ``.txt`` or is too long, it or its folder is
        something else, no file can be written there, or a list of another ``count`` is there.
    """
    path, shown = Path(out), printable(str(out))
    if is_url(os.fspath(out)):
        raise OutputError(f"the list {shown} cannot be written: lists lie on disk; name a file.")
    if path.suffix.lower() != ".txt":
        raise OutputError(f"the list {shown} must end in .txt.")
    # Unlike pathlib's, these take names that are too long.
    if os.path.isdir(path):  # noqa: PTH112
        raise OutputError(f"the list {shown} cannot be written: it is a folder.")
    above = next(folder for folder in path.absolute().parents if os.path.exists(folder))  # noqa: PTH110
    if not above.is_dir():
        raise OutputError(f"the list {shown} cannot be written: its folder is a file.")
    # The longer name of the two.
    if reason := obstacle(side_file(path)):
        raise OutputError(f"the list {shown} cannot be written: {reason}.")
    if count is not None and path.exists() and _count(path) != count:
        raise _another(shown)


def save_list(
    images: ImageList,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    gitignore: bool | None = None,
) -> SavedList:
    """Write a list and its side file, making the list's folder if need be.

    Parameters
    ----------
    images
        What to write.
    out
        The list's file, ending in ``.txt``.
    overwrite
        Replace a different list of that name.
    gitignore
        Whether the folder's ``.gitignore`` shall exclude sets but not the list; by default inside
        a git work tree.

    Raises
    ------
    OutputError
        If another list is there, or the folder or its ``.gitignore`` cannot be written.
    InputError
        If ``gitignore`` is asked for outside a git work tree; nothing is written then.
    ListError
        If a path holds a line break.
    """
    path = Path(out)
    shown = printable(str(out))
    check_list(out)
    tracked = gitignore is not False and in_work_tree(path.parent)
    if gitignore and not tracked:
        raise InputError(
            f"--gitignore: {printable(str(path.parent))} is in no git work tree, or git is missing."
        )
    try:
        unchanged = path.exists() and _holds(path, images)
        if path.exists() and not unchanged and not overwrite:
            raise _another(shown)
        path.parent.mkdir(parents=True, exist_ok=True)
        written = images.adopt(path) if unchanged else images.write(path)
        change = ignore_sets(path.parent, (path.name, side_file(path).name)) if tracked else None
    except OutputError:
        raise
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"the list {shown} cannot be written: its folder is a file.") from error
    except OSError as error:
        raise OutputError(f"the list {shown} cannot be written: {error.strerror}.") from error
    return SavedList(written, unchanged, change)


def _another(shown: str) -> OutputError:
    return OutputError(
        f"{shown} exists and is another list. To replace it, say --overwrite; or choose another "
        "--out."
    )


def _count(path: Path) -> int | None:
    """Return how many images a list names; None if it is no list."""
    try:
        return len(ImageList.read(path))
    except ListError:
        return None


def _holds(path: Path, images: ImageList) -> bool:
    try:
        written = [listable(entry) for entry in images.paths]
        return list(ImageList.read(path).paths) == written
    except ListError:
        return False
