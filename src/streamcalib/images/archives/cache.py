"""Indexes on disk, in the user's cache folder, so that an archive is scanned once."""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.datafile import READ_FLAGS
from streamcalib.durable import replaced
from streamcalib.images.archives.index import Index, pack
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from streamcalib.images.archives.index import Member

_KEY_DIGITS = 32

_log = logging.getLogger(__name__)


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """Return this user's folder for what can be made again (XDG), or None if there is none."""
    base = environment.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # noqa: PTH117
        return Path(base) / "streamcalib"
    try:
        return Path("~/.cache/streamcalib").expanduser()
    except RuntimeError:
        return None


def index_of(location: str, identity: bytes, scan: Callable[[], Iterable[Member]]) -> Index:
    """Return an archive's index: from the cache, or else by a scan, which is then kept there.

    Where nothing can be kept, the index is this process's own.

    Parameters
    ----------
    location
        The archive's own path or URL, links resolved; it names the index's file.
    identity
        32 bytes that change when the archive does.
    scan
        Yields its members.

    Raises
    ------
    ValueError
        If it is no archive.
    OSError
        If it cannot be read.
    """
    folder = cache_folder(os.environ)
    if folder is None:
        return Index(pack(scan(), identity), identity)
    key = hashlib.sha256(os.fsencode(location)).hexdigest()[:_KEY_DIGITS]
    path = folder / "archives" / f"{key}.index"
    if (found := _kept(path, identity)) is not None:
        return found
    with _alone(path):
        # Another process may have scanned it meanwhile.
        if (found := _kept(path, identity)) is not None:
            return found
        data = pack(scan(), identity)
        try:
            with replaced(path) as part:
                part.write_bytes(data)
        except OSError as error:
            shown = printable(str(path.parent))
            _log.debug("the index cannot be kept in %s: %s", shown, error.strerror)
            return Index(data, identity)
    # A mapping is shared with the other workers; the bytes are not.
    return _kept(path, identity) or Index(data, identity)


def _kept(path: Path, identity: bytes) -> Index | None:
    try:
        file = os.open(path, READ_FLAGS)
        try:
            data = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(file)
        return Index(data, identity)
    except (OSError, ValueError):
        # It is not there, or of an archive that has changed since, or damaged.
        return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Have other processes wait that need the same index; where that cannot be, go on."""
    file = -1
    lock = path.with_suffix(".lock")
    with suppress(OSError, ImportError):
        import fcntl

        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if file != -1:
            # One who has it open already goes on alone, and finds the index when it looks.
            with suppress(OSError):
                lock.unlink()
            os.close(file)
