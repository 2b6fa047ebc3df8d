"""A folder of little files, one a row or one a batch of rows."""

from __future__ import annotations

import ctypes
import io
import os
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from streamcalib.durable import sync
from streamcalib.exporting.container import Place, Rowset
from streamcalib.exporting.names import file_name, is_entry
from streamcalib.stores.libc import libc_function
from streamcalib.stores.writeback import WriteBehind
from streamcalib.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TextIO

    from numpy.typing import NDArray

Form = Literal["npy", "bin"]


@dataclass(frozen=True, kw_only=True)
class RowFiles:
    """A folder of files that hold a row or several; see `Container`.

    Attributes
    ----------
    shards
        Rows in a file, whose array has a batch axis; None: one row without.
    form
        ``npy``, or ``bin`` for the bytes alone.
    list_name
        A text file in the folder that names all others, one a line; None: none.
    """

    shards: int | None = None
    form: Form = "npy"
    list_name: str | None = None

    is_folder = True

    @property
    def facts(self) -> Mapping[str, Any]:
        """What tells two of them apart."""
        return {"container": self.form, "shards": self.shards, "list": self.list_name}

    def shown(self, rows: Rowset) -> str:
        """Return how many files of which shape."""
        shape = self._shape(rows, min(self.shards or 1, rows.count))
        also = f" and {self.list_name}" if self.list_name else ""
        files = counted(self._files(rows), f".{self.form} file")
        return f"{files} of {shape} {rows.dtype.name}{also}"

    def data_bytes(self, rows: Rowset) -> int:
        """Return the size of all files."""
        header = len(self.header(rows, self.shards or 1))
        return rows.count * rows.row_bytes + self._files(rows) * header

    def is_entry(self, name: str) -> bool:
        """Whether a file in the folder may have such a name."""
        return is_entry(name) or name == self.list_name

    def open(self, path: Path, rows: Rowset, window_bytes: int) -> _Writer:
        """Make the folder; raises ``OSError``."""
        path.mkdir()
        return _Writer(self, path, rows, window_bytes)

    def _files(self, rows: Rowset) -> int:
        return -(-rows.count // (self.shards or 1))

    def _shape(self, rows: Rowset, held: int) -> tuple[int, ...]:
        return rows.row_shape if self.shards is None else (held, *rows.row_shape)

    def header(self, rows: Rowset, held: int) -> bytes:
        """Return what stands before the values in a file of ``held`` rows."""
        if self.form == "bin":
            return b""
        header = io.BytesIO()
        described = {
            "descr": rows.dtype.str,
            "fortran_order": False,
            "shape": self._shape(rows, held),
        }
        np.lib.format.write_array_header_1_0(header, described)
        return header.getvalue()


class _Writer:
    def __init__(self, kind: RowFiles, folder: Path, rows: Rowset, window_bytes: int) -> None:
        self._kind, self._folder, self._rows = kind, folder, rows
        self._behind = _LittleFilesBehind(window_bytes)
        self._next = 0
        self._name = ""
        self._file: io.BufferedWriter | None = None
        self._list: TextIO | None = None
        if kind.list_name is not None:
            self._list = (folder / kind.list_name).open("w", encoding="ascii", newline="")

    def write(self, row: NDArray[Any], image: str) -> Place:
        held = self._kind.shards or 1
        at = self._next % held
        file = self._file if at and self._file else self._begin(image)
        start = file.tell()
        size = file.write(np.ascontiguousarray(row).reshape(-1).view(np.uint8).data)
        file.flush()
        self._behind.wrote(file.fileno(), start, size)
        self._next += 1
        if at == held - 1 or self._next == self._rows.count:
            self._end(file)
        return Place(self._name, at)

    def _begin(self, image: str) -> io.BufferedWriter:
        kind, rows = self._kind, self._rows
        held = kind.shards or 1
        number, count = self._next // held, -(-rows.count // held)
        shown = image if held == 1 else None
        self._name = file_name(number, count, f".{kind.form}", shown)
        self._file = file = (self._folder / self._name).open("xb")
        file.write(kind.header(rows, min(held, rows.count - self._next)))
        if self._list is not None:
            self._list.write(f"{self._name}\n")
        return file

    def _end(self, file: io.BufferedWriter) -> None:
        self._behind.end(self._folder / self._name, file.fileno(), file.tell())
        file.close()
        self._file = None

    def close(self) -> None:
        if self._list is not None:
            self._list.close()
        sync_files(self._folder)

    def abandon(self) -> None:
        for file in (self._file, self._list):
            if file is not None:
                file.close()


class _LittleFilesBehind:
    """Write-behind for many files: each is on its way to disk long before it is waited for.

    Parameters
    ----------
    window_bytes
        What all of them may hold in the page cache.
    """

    def __init__(self, window_bytes: int) -> None:
        self._window_bytes = window_bytes
        self._this = WriteBehind(window_bytes)
        self._ended: deque[tuple[Path, int]] = deque()
        self._ended_bytes = 0

    def wrote(self, file: int, offset: int, size: int) -> None:
        """Note what was written of a file; raises ``OSError``."""
        self._this.wrote(file, offset, size)

    def end(self, path: Path, file: int, size: int) -> None:
        """Note that a file is written whole; raises ``OSError``."""
        self._this.push(file)
        self._this = WriteBehind(self._window_bytes)
        self._ended.append((path, size))
        self._ended_bytes += size
        while self._ended_bytes > self._window_bytes:
            oldest, its_size = self._ended.popleft()
            self._ended_bytes -= its_size
            _forget(oldest, its_size)


def _forget(path: Path, size: int) -> None:
    """Let the page cache drop a file, once it is on disk."""
    with path.open("rb") as file:
        behind = WriteBehind(0)
        behind.wrote(file.fileno(), 0, size)
        behind.push(file.fileno())


def sync_files(folder: Path) -> None:
    """Bring all files of a folder to disk: at once where the system can, else one by one.

    Raises ``OSError``.
    """
    sync_system = libc_function("syncfs")
    if sync_system is not None:
        file = os.open(folder, os.O_RDONLY)
        try:
            if sync_system(file) == 0:
                return
        finally:
            os.close(file)
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    for entry in os.scandir(folder):
        sync(folder / entry.name)
    sync(folder)
