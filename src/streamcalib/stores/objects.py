"""Named byte strings, which a zarr array consists of: the files of a folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from streamcalib.datafile import READ_FLAGS
from streamcalib.durable import sync, sync_data

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from streamcalib.stores.writeback import FilesBehind, WriteBehind

_PART = ".part"
_MODE = 0o666


class OpenObject(Protocol):
    """An object as it was when it was opened; closed at the latest when nobody holds it."""

    @property
    def size(self) -> int:
        """Its size, in bytes."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """Return a range of it, shorter if it ends before; raises ``OSError``."""
        ...

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` with what begins at ``offset``, and return how much there was."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class NewObject(Protocol):
    """An object that is being written; it appears, or replaces another, when it is committed."""

    def append(self, data: Any) -> None:
        """Write the bytes of a buffer at its end; raises ``OSError``."""
        ...

    def commit(self) -> None:
        """Let it appear; raises ``OSError``."""
        ...

    def abort(self) -> None:
        """Leave nothing of it."""
        ...


class Objects(Protocol):
    """Where the objects of one array are; small, and sent to workers by value."""

    @property
    def shown(self) -> str:
        """The place, for messages."""
        ...

    def exists(self) -> bool:
        """Whether the place is there; raises ``OSError``."""
        ...

    def make_place(self) -> None:
        """Make the place, with nothing in it that was begun and not committed."""
        ...

    def open(self, name: str) -> OpenObject | None:
        """Open an object for reading, or return None if there is none; raises ``OSError``."""
        ...

    def create(self, name: str, behind: FilesBehind | None = None) -> NewObject:
        """Begin an object; ``behind`` keeps the page cache small. Raises ``OSError``."""
        ...

    def names(self) -> set[str]:
        """Return the names of all objects; raises ``OSError``."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, those that are there; raises ``OSError``."""
        ...

    def sync(self, names: Iterable[str]) -> None:
        """Make objects durable that were committed; raises ``OSError``."""
        ...


@dataclass(frozen=True)
class FolderObjects:
    """The files of a folder as `Objects`."""

    folder: Path

    @property
    def shown(self) -> str:
        """The folder, for messages."""
        return str(self.folder)

    def exists(self) -> bool:
        """Whether the folder is there."""
        return self.folder.is_dir()

    def open(self, name: str) -> FileObject | None:
        """Open a file for reading; see `Objects.open`."""
        try:
            return FileObject(os.open(self.folder / name, READ_FLAGS))
        except FileNotFoundError:
            return None

    def create(self, name: str, behind: FilesBehind | None = None) -> NewFile:
        """Begin a file under a name of its own; see `Objects.create`."""
        return NewFile(self.folder / name, behind)

    def names(self) -> set[str]:
        """Return the names of all files that are whole."""
        return {name for name in os.listdir(self.folder) if not name.endswith(_PART)}  # noqa: PTH208

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def make_place(self) -> None:
        """Make the folder, and remove what a process that is gone had begun there."""
        self.folder.mkdir(exist_ok=True)
        for name in os.listdir(self.folder):  # noqa: PTH208
            if name.endswith(_PART):
                (self.folder / name).unlink(missing_ok=True)

    def sync(self, names: Iterable[str]) -> None:
        """Flush files, and the folder, to disk."""
        for name in names:
            file = os.open(self.folder / name, READ_FLAGS)
            try:
                sync_data(file)
            finally:
                os.close(file)
        sync(self.folder)


class FileObject:
    """A file as `OpenObject`."""

    def __init__(self, file: int) -> None:
        self._file = file
        self.size: int = os.fstat(file).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Return a range of the file."""
        return os.pread(self._file, size, offset)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill a buffer from the file."""
        done = 0
        while done < len(buffer):
            got = os.preadv(self._file, [buffer[done:]], offset + done)
            if not got:
                break
            done += got
        return done

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __del__(self) -> None:
        self.close()


class NewFile:
    """A file that is written beside its name, and renamed when it is whole, as `NewObject`."""

    def __init__(self, path: Path, behind: FilesBehind | None) -> None:
        self._path = path
        # Two that write the same object, as after a lost connection, do not mix it.
        self._part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_PART}")
        self._file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _MODE)
        self._behind = behind
        self._pushes: WriteBehind | None = None if behind is None else behind.begin()
        self._size = 0

    def append(self, data: Any) -> None:
        """Write at the end of the file."""
        view = memoryview(data).cast("B")
        start = self._size
        while view:
            written = os.write(self._file, view)
            view = view[written:]
            self._size += written
        if self._pushes is not None:
            self._pushes.wrote(self._file, start, self._size - start)

    def commit(self) -> None:
        """Give the file its name."""
        try:
            if self._path.exists():
                # Rows of it may be known as durable, and must not hang on a name without bytes.
                sync_data(self._file)
            self._part.replace(self._path)
            if self._behind is not None and self._pushes is not None:
                self._pushes.push(self._file)
                self._behind.end(self._file, self._size)
        except BaseException:
            self.abort()
            raise
        os.close(self._file)

    def abort(self) -> None:
        """Remove what was written."""
        os.close(self._file)
        with suppress(OSError):
            self._part.unlink(missing_ok=True)
