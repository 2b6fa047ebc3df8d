"""Where a set goes: whether it may be written there, its staging folder, and its final name."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streamcalib.card import card
from streamcalib.durable import sync, write_text
from streamcalib.errors import OutputError, StoppedError, StreamcalibError
from streamcalib.manifest import card_path, manifest_path, side_paths
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamcalib.manifest import Manifest


STAGED_NAMES = frozenset({"rows.npy", "rows.jsonl", "set.npy", "set.npz"})
"""All that a build keeps in its staging folder."""

_PROBED_BYTES = 200


def free_bytes(path: Path, complete: bool = False) -> int:
    """Return the free space for an output, which may lie in a folder yet to be made.

    Raises
    ------
    OutputError
        If its folder is a file, or is not writable and the output not ``complete`` already.
    """
    # A folder that is not there yet is made when the build starts.
    folder = next(parent for parent in path.parents if os.path.lexists(parent))
    shown = printable(str(folder))
    if not folder.is_dir():
        raise OutputError(f"the output's folder {shown} is a file.")
    if not complete and not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the output folder {shown} is not writable.")
    return shutil.disk_usage(folder).free


@contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder beside ``out`` to one build alone, and take it away in the end.

    Raises
    ------
    OutputError
        If the folder cannot be made.
    StoppedError
        If another build of ``out`` is running, or the disk fills or fails meanwhile.
    """
    folder = _staging_path(out)
    try:
        lock = _made_alone(folder)
    except BlockingIOError as error:
        raise StoppedError(
            f"another build of {printable(str(out))} is running: wait for its end, or choose "
            "another --out."
        ) from error
    except OSError as error:
        raise OutputError(
            f"the staging folder {printable(str(folder))} cannot be made: {error.strerror}."
        ) from error
    try:
        yield folder
    except OSError as error:
        if isinstance(error, StreamcalibError):
            raise
        raise StoppedError(
            f"writing {printable(str(out))} failed: {error.strerror or error}. Free space or mend "
            "the volume, then run the same command again."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def publish(staged: Path, out: Path, manifest: Manifest, rows_file: Path | None = None) -> None:
    """Publish a finished data file as ``out`` with its manifest and card.

    The data appears last, by rename, so that a set under its final name is always whole; data that
    is replaced goes first, so that it never stands beside a manifest that is not its own.
    ``staged`` and ``rows_file`` must lie on the volume of ``out``. Raises ``OSError``.
    """
    sync(staged)
    out.unlink(missing_ok=True)
    for path in side_paths(out):
        path.unlink(missing_ok=True)
    sync(out.parent)
    if rows_file is not None:
        sync(rows_file)
        rows_file.replace(side_paths(out)[2])
    write_text(manifest_path(out), manifest.to_json())
    write_text(card_path(out), card(out, manifest))
    sync(out.parent)
    staged.replace(out)
    sync(out.parent)


def _made_alone(folder: Path) -> int | None:
    """Make ``folder`` anew and lock it; what a build that died left in it is removed.

    Returns the lock's descriptor; None where folders cannot be locked. Raises ``BlockingIOError``
    if it is locked already.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
        # A build that ended just now may have taken the folder away between the two.
        if lock is None or _is_open_as(folder, lock):
            break
        os.close(lock)
    for left in folder.iterdir():
        left.unlink()
    return lock


def check_kind(out: Path) -> None:
    """Make sure that what an output's name stands for is a file or not there.

    Raises
    ------
    OutputError
        If it is a folder, or a pipe, socket or device, which no set replaces.
    """
    shown = printable(str(out))
    if os.path.isdir(out):  # noqa: PTH112 (Path's raises where a folder is forbidden)
        raise OutputError(f"the output {shown} is a folder.")
    if os.path.exists(out) and not os.path.isfile(out):  # noqa: PTH110, PTH113
        raise OutputError(
            f"the output {shown} is a pipe, a socket or a device: choose another --out."
        )


def check_side_files(out: Path) -> None:
    """Make sure that what publishing replaces beside ``out`` is streamcalib's own.

    Raises
    ------
    OutputError
        If a file of another origin has the name of a side file, or lies in the staging folder.
    """
    foreign = [path for path in side_paths(out) if path.exists() and not _is_own(path)]
    if (folder := _staging_path(out)).is_dir():
        foreign += [path for path in sorted(folder.iterdir()) if path.name not in STAGED_NAMES]
    if foreign:
        raise OutputError(
            f"{printable(str(foreign[0]))} is not streamcalib's, and a build of "
            f"{printable(out.name)} would replace it: move it away, or choose another --out."
        )


def _is_own(path: Path) -> bool:
    if not path.is_file():  # opening a pipe would wait
        return False
    try:
        with path.open("rb") as file:
            start = file.read(_PROBED_BYTES)
    except OSError:
        return False
    return start.startswith(b"# Calibration set ") or start.lstrip(b"{ \r\n").startswith(
        (b'"format": "streamcalib-set"', b'"path": ')
    )


def _staging_path(out: Path) -> Path:
    return out.with_name(out.name + ".build")


def _locked(folder: Path) -> int | None:
    try:
        import fcntl
    except ImportError:
        return None
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise
    except OSError:
        # Some network file systems lock no folders.
        os.close(lock)
        return None
    return lock


def _is_open_as(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
