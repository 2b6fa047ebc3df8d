"""Files that survive a power cut: written in one step, flushed, renamed."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replaced(path: Path, part: Path | None = None) -> Iterator[Path]:
    """Give a path to write in place of ``path``; on success it is flushed and renamed into place.

    A reader sees the old file or the new one, never half. On any error nothing is left behind; if
    the process is killed, ``part`` may be: by default a hidden file beside ``path``. Raises
    ``OSError``.
    """
    part = part or _part_of(path)
    try:
        yield part
        sync(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def obstacle(path: Path) -> str | None:
    """Return why `replaced` cannot write a file, in the system's words; None if it can.

    Folders that are not there are taken for ones that will be made. Nothing is left behind.
    """
    above = next(folder for folder in path.absolute().parents if os.path.exists(folder))  # noqa: PTH110
    try:
        for name in _part_of(path.absolute()).relative_to(above).parts:
            # A name that is too long is found only where its folder is.
            with suppress(FileNotFoundError):
                os.lstat(above / name)
        # Permissions do not tell of file systems that take no file.
        with tempfile.TemporaryFile(dir=above):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.part{os.getpid()}")


def write_text(path: Path, text: str, part: Path | None = None) -> None:
    """Write ``text`` as `replaced` does, in UTF-8; undecodable bytes of names stay as they were."""
    with replaced(path, part) as written:
        written.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
    sync(path.parent)


def sync_data(file: int) -> None:
    """Flush an open file's contents to disk; raises ``OSError``."""
    getattr(os, "fdatasync", os.fsync)(file)


def sync(path: Path) -> None:
    """Flush a file or folder to disk; where folders cannot be flushed (Windows), do nothing."""
    if path.is_dir() and os.name == "nt":
        return
    file = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
