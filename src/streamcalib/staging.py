"""The staging folder beside an output: what is being built, and never seen under the final name."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.datafile import read_data
from streamcalib.durable import replaced
from streamcalib.errors import JournalError, OutputError, StoppedError, StreamcalibError
from streamcalib.journal import Journal
from streamcalib.journal_files import JOURNAL_NAMES
from streamcalib.lock import OWNER_NAME, FolderLock
from streamcalib.remotepath import RemotePath
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from streamcalib.remotepath import SetPath

ROWS_NAME = "rows.npy"
SHARDS_NAME = "rows.zarr"
MARKS_NAME = "marks"
OLD_NAME = "old.zarr"
"""A set that is being replaced, on its way out."""
EXPORT_NAME = "export"
"""What is written for another tool: a file or a folder."""
ELSEWHERE_NAME = "journal.path"
"""Says where the journal is, and which one, if it is not in the staging folder."""
_MOST_NOTE_BYTES = 10_000
_KEY_DIGITS = 16

SIDE_PARTS = ("manifest.json", "card.md")
"""What the side files are called while they are written."""

_STAGED_NAMES = frozenset(
    {
        ROWS_NAME,
        SHARDS_NAME,
        "rows.jsonl",
        "set.npy",
        "set.npz",
        "set.zarr",
        OLD_NAME,
        EXPORT_NAME,
        MARKS_NAME,
        ELSEWHERE_NAME,
        *SIDE_PARTS,
        *JOURNAL_NAMES,
    }
)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Elsewhere(NamedTuple):
    """Where a journal is that is not in the staging folder, and the token of the one meant."""

    path: Path
    token: str

    def write(self, folder: Path) -> None:
        """Write it down in a staging folder, to stay; raises ``OSError``."""
        with replaced(folder / ELSEWHERE_NAME) as part:
            part.write_bytes(self.token.encode() + b"\n" + os.fsencode(self.path))

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return what a staging folder says; None if its journal is in the folder itself.

        Raises
        ------
        JournalError
            If what is written there cannot be read.
        """
        try:
            data = read_data(folder / ELSEWHERE_NAME, _MOST_NOTE_BYTES)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise JournalError(
                f"{printable(str(folder / ELSEWHERE_NAME))}, which says where the journal is, "
                f"cannot be read: {error}. Say --restart to build anew, or remove that folder."
            ) from error
        token, _, path = data.partition(b"\n")
        return cls(Path(os.fsdecode(path)), token.decode("ascii", "replace"))


class Staging(NamedTuple):
    """A locked staging folder."""

    folder: Path
    lock: FolderLock


def staging_path(out: SetPath) -> Path:
    """Return the path of an output's staging folder: beside it, or for a URL on this machine."""
    if isinstance(out, RemotePath):
        return (out.state or default_state(os.environ)) / f"{key_of(out)}.build"
    return out.with_name(out.name + ".build")


def key_of(out: SetPath) -> str:
    """Return a name that tells an output from all others, as the folder for state has it."""
    digest = hashlib.sha256(str(out).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{out.name}-{digest[:_KEY_DIGITS]}"


def default_state(environment: Mapping[str, str]) -> Path:
    """Return this user's folder for what programs remember (XDG Base Directory Specification).

    Raises
    ------
    OutputError
        If there is none.
    """
    base = environment.get("XDG_STATE_HOME", "")
    if os.path.isabs(base):  # noqa: PTH117
        return Path(base) / "streamcalib"
    try:
        return Path("~/.local/state/streamcalib").expanduser()
    except RuntimeError as error:
        raise OutputError(
            "there is no home folder for the build's journal: choose a folder with --state."
        ) from error


def foreign_files(out: SetPath) -> list[Path]:
    """Return what lies in the staging folder of ``out`` and is not streamcalib's."""
    folder = staging_path(out)
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if not _is_own(path.name)]


def _is_own(name: str) -> bool:
    return name in _STAGED_NAMES or name.startswith((OWNER_NAME, f".{ELSEWHERE_NAME}.part"))


def reusable_bytes(out: SetPath) -> int:
    """Return the disk space that an unfinished build of ``out`` holds."""
    folder = staging_path(out)
    return _occupied(folder / ROWS_NAME) + sum(map(_occupied, (folder / SHARDS_NAME).glob("*")))


def _occupied(path: Path) -> int:
    try:
        return int(getattr(path.stat(), "st_blocks", 0)) * 512
    except OSError:
        return 0


def holds_rows(folder: Path) -> bool:
    """Whether rows of an unfinished build lie in a staging folder."""
    return (folder / ROWS_NAME).exists() or (folder / SHARDS_NAME).exists()


@contextmanager
def staging_folder(out: SetPath) -> Iterator[Path]:
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
def locked_staging(out: SetPath, *, break_lock: bool = False) -> Iterator[Staging]:
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
        if error.errno in _FULL:
            raise _stopped(out, error) from error
        raise OutputError(
            f"the staging folder {printable(str(folder))} cannot be made: "
            f"{error.strerror or error}."
        ) from error
    try:
        yield Staging(folder, lock)
    except OSError as error:
        if isinstance(error, StreamcalibError):
            raise
        raise _stopped(out, error) from error
    finally:
        lock.release()


def _stopped(out: SetPath, error: OSError) -> StoppedError:
    stopped = StoppedError(
        f"writing {printable(str(out))} failed: {error.strerror or error}. Free space or mend the "
        "volume, then run the same command again."
    )
    for note in getattr(error, "__notes__", ()):
        stopped.add_note(note)
    return stopped


def empty(folder: Path) -> None:
    """Remove everything of an earlier build from a staging folder that is locked."""
    for path in folder.iterdir():
        if path.name == OWNER_NAME:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _refuse_unfinished(folder: Path, out: SetPath) -> None:
    elsewhere = Elsewhere.read(folder)
    path = folder / JOURNAL_NAMES[0] if elsewhere is None else elsewhere.path
    shown = f"{printable(out.name)} lies in {printable(str(folder))}"
    ways = "finish it with its own command, remove that folder, or choose another --out."
    try:
        journal = Journal.open(path)
    except JournalError as error:
        raise JournalError(f"{error} An unfinished build of {shown}: {ways}") from error
    if journal is not None:
        try:
            kept = journal.count()
        finally:
            journal.close()
        if kept:
            raise OutputError(
                f"an unfinished build of {shown}, with {counted(kept, 'row')} done: {ways}"
            )
    elif elsewhere is not None:
        raise OutputError(
            f"an unfinished build of {shown}, with its journal in {printable(str(path.parent))} of "
            f"another host: {ways}"
        )
