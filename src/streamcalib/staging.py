"""The staging folder beside an output: what is being built, and never seen under the final name."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.errors import OutputError, StoppedError, StreamcalibError
from streamcalib.journal import JOURNAL_NAMES, Journal
from streamcalib.lock import OWNER_NAME, FolderLock
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS_NAME = "rows.npy"
MARKS_NAME = "marks"
ELSEWHERE_NAME = "journal.path"
"""Says where the journal is, if it is not in the staging folder."""

SIDE_PARTS = ("manifest.json", "card.md")
"""What the side files are called while they are written."""

_STAGED_NAMES = frozenset(
    {
        ROWS_NAME,
        "rows.jsonl",
        "set.npy",
        "set.npz",
        MARKS_NAME,
        ELSEWHERE_NAME,
        *SIDE_PARTS,
        *JOURNAL_NAMES,
    }
)


class Staging(NamedTuple):
    """A locked staging folder."""

    folder: Path
    lock: FolderLock


def staging_path(out: Path) -> Path:
    """Return the path of an output's staging folder."""
    return out.with_name(out.name + ".build")


def foreign_files(out: Path) -> list[Path]:
    """Return what lies in the staging folder of ``out`` and is not streamcalib's."""
    folder = staging_path(out)
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if not _is_own(path.name)]


def _is_own(name: str) -> bool:
    return name in _STAGED_NAMES or name.startswith((OWNER_NAME, ".rows.npy.part"))


def reusable_bytes(out: Path) -> int:
    """Return the disk space that an unfinished build of ``out`` holds."""
    try:
        status = (staging_path(out) / ROWS_NAME).stat()
    except OSError:
        return 0
    return int(getattr(status, "st_blocks", 0)) * 512


@contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder beside ``out`` to one job alone, and take it away in the end.

    Raises
    ------
    OutputError
        If the folder cannot be made, or holds a build that can go on.
    LockedError
        If another build of ``out`` is running.
    StoppedError
        If the disk fills or fails meanwhile.
    """
    with locked_staging(out) as staging:
        _refuse_unfinished(staging.folder, out)
        empty(staging.folder)
        try:
            yield staging.folder
        finally:
            shutil.rmtree(staging.folder, ignore_errors=True)


@contextmanager
def locked_staging(out: Path, *, break_lock: bool = False) -> Iterator[Staging]:
    """Give the folder beside ``out`` to one build alone, with what is in it, which stays.

    Raises
    ------
    OutputError
        If the folder cannot be made.
    LockedError
        If another build of ``out`` is running.
    StoppedError
        If the disk fills or fails meanwhile.
    """
    folder = staging_path(out)
    try:
        lock = FolderLock.take(folder, out, break_lock=break_lock)
    except OSError as error:
        if isinstance(error, StreamcalibError):
            raise
        raise OutputError(
            f"the staging folder {printable(str(folder))} cannot be made: "
            f"{error.strerror or error}."
        ) from error
    try:
        yield Staging(folder, lock)
    except OSError as error:
        if isinstance(error, StreamcalibError):
            raise
        raise StoppedError(
            f"writing {printable(str(out))} failed: {error.strerror or error}. Free space or mend "
            "the volume, then run the same command again."
        ) from error
    finally:
        lock.release()
        # Only if nothing is left to go on with.
        with suppress(OSError):
            folder.rmdir()


def empty(folder: Path) -> None:
    """Remove everything of an earlier build from a staging folder that is locked."""
    for path in folder.iterdir():
        if path.name == OWNER_NAME:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _refuse_unfinished(folder: Path, out: Path) -> None:
    journal = Journal.open(folder / JOURNAL_NAMES[0])
    if journal is None:
        return
    try:
        kept = journal.count()
    finally:
        journal.close()
    if kept:
        raise OutputError(
            f"an unfinished build of {printable(out.name)} lies in {printable(str(folder))}, with "
            f"{counted(kept, 'row')} done: finish it with its own command, remove that folder, or "
            "choose another --out."
        )
