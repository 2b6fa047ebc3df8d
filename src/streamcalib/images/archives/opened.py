"""The archives that this process has open; each is opened once, and again when it changes."""

from __future__ import annotations

import os
import stat
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from streamcalib.datafile import READ_FLAGS
from streamcalib.errors import ImageError
from streamcalib.images.archives.archive import Archive
from streamcalib.images.archives.source import ArchiveFile

if TYPE_CHECKING:
    from streamcalib.images.confining import Confines

# Far below the number of files that a process may have open.
_MOST_OPEN = 128

_Key = tuple[int, int, int, int]


class _Opened:
    """Archives by path, those that were used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[_Key, Archive[ArchiveFile]]] = OrderedDict()
        self._keeping = threading.Lock()
        # A scan takes seconds; threads that wait for it would do the same one.
        self.scanning = threading.Lock()

    def get(self, path: str, key: _Key) -> Archive[ArchiveFile] | None:
        with self._keeping:
            found = self._kept.get(path)
            if found is None or found[0] != key:
                return None
            self._kept.move_to_end(path)
            return found[1]

    def keep(self, path: str, key: _Key, archive: Archive[ArchiveFile]) -> None:
        with self._keeping:
            self._kept[path] = key, archive
            self._kept.move_to_end(path)
            while len(self._kept) > _MOST_OPEN:
                self._kept.popitem(last=False)


_opened = _Opened()


def open_archive(path: str, confines: Confines | None = None) -> Archive[ArchiveFile]:
    """Return the archive at a path.

    Parameters
    ----------
    confines
        Where it must lie, links resolved; by default anywhere.

    Raises
    ------
    ImageError
        If it is no archive, or outside of the confines; the message names it.
    OSError
        If it cannot be opened or read.
    """
    if confines is not None and not confines.holds(path):
        raise confines.outside()
    key = _key(os.stat(path))  # noqa: PTH116
    archive = _opened.get(path, key)
    if archive is None:
        with _opened.scanning:
            archive = _opened.get(path, key) or _open(path)
    if confines is not None and not confines.holds_open(archive.source.file, path):
        raise confines.outside()
    return archive


def _open(path: str) -> Archive[ArchiveFile]:
    source = ArchiveFile(os.open(path, READ_FLAGS))
    status = os.fstat(source.file)
    if stat.S_ISDIR(status.st_mode):
        raise ImageError("what should be an archive is a folder: name the image by its path in it")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("its archive is not a regular file")
    changed = status.st_mtime_ns
    real = os.path.realpath(path)
    archive = Archive.open(path, real, source, changed=changed, changed_ns=changed)
    _opened.keep(path, _key(status), archive)
    return archive


def _key(status: os.stat_result) -> _Key:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
