"""The ``.npy`` store: a header of one page, then the rows, in a file of its final size."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.durable import sync, sync_data
from streamcalib.stores.filesystem import file_system, is_in_memory
from streamcalib.stores.libc import libc_function
from streamcalib.stores.populated import PopulatedFile
from streamcalib.stores.stored import MappedRows
from streamcalib.stores.writeback import WriteBehind, make_sparse, reserve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

_SHAPE = re.compile(rb"'shape': \((\d+),")

HEADER_BYTES = 4096
"""Size of the header, one page, so that rows start aligned and can be mapped."""


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return the header of a C-ordered ``.npy`` of format 1.0, padded to `HEADER_BYTES`.

    numpy's own files pad to 64 bytes; any length is allowed (NEP 1), and `numpy.load` takes it.
    """
    text = repr({"descr": dtype.str, "fortran_order": False, "shape": shape})
    length = HEADER_BYTES - 10
    padded = text.encode("ascii").ljust(length - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + padded


class NpyWriter:
    """Writes rows of a ``.npy`` store by position; see `RowWriter`."""

    def __init__(
        self, store: NpyStore, window_bytes: int | None = None, *, mapped: bool = False
    ) -> None:
        self._path, self._row_bytes = store.path, store.row_bytes
        self._behind = None if window_bytes is None else WriteBehind(window_bytes)
        self._may_map = mapped and libc_function("madvise") is not None
        self._file = -1
        self._populated: PopulatedFile | None = None

    def write(self, index: int, rows: NDArray[Any], sums: Sequence[int] | None = None) -> None:  # noqa: ARG002
        """Write rows; raises ``OSError`` if the disk does not take them whole."""
        self.write_part(index, 0, rows)

    def write_part(self, index: int, offset: int, part: NDArray[Any]) -> None:
        """Write a part of a row; see `RowWriter.write_part`."""
        view = part.reshape(-1).view(np.uint8).data
        start = position = HEADER_BYTES + index * self._row_bytes + offset
        if self._populated is not None:
            if self._populated.write(view, position):
                return
            self._populated = None
        while view:
            written = _write_at(self._file, view, position)
            view = view[written:]
            position += written
        if self._behind is not None:
            self._behind.wrote(self._file, start, position - start)

    def __enter__(self) -> Self:
        self._file = os.open(self._path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        if self._may_map and is_in_memory(file_system(self._path)):
            self._populated, self._behind = PopulatedFile(self._file), None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._behind is not None and kind is None:
                self._behind.push(self._file)
        finally:
            self._populated = None
            os.close(self._file)


class NpyFlusher:
    """Brings a whole ``.npy`` to disk; see `Flusher`."""

    def __init__(self, store: NpyStore) -> None:
        self._file = store.path.open("r+b")

    def wrote(self, rows: NDArray[np.int64]) -> None:
        """Do nothing: the system knows which pages were written."""

    def flush(self) -> None:
        """Bring the file's contents to disk; raises ``OSError``."""
        sync_data(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(frozen=True, kw_only=True)
class NpyStore:
    """A ``.npy`` file of ``rows`` rows of ``row_shape`` in ``dtype``; see `Store`."""

    path: Path
    rows: int
    row_shape: tuple[int, ...]
    dtype: str

    @property
    def row_bytes(self) -> int:
        """Size of one row, in bytes."""
        return prod(self.row_shape) * np.dtype(self.dtype).itemsize

    @property
    def file_bytes(self) -> int:
        """Size of the whole file, in bytes."""
        return HEADER_BYTES + self.rows * self.row_bytes

    @property
    def rows_together(self) -> int:
        """Any worker may write any row."""
        return 1

    @property
    def shown(self) -> str:
        """The file, for messages."""
        return str(self.path)

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def create(self) -> None:
        """Write the header and reserve the file's space; an existing file is replaced.

        Raises ``OSError`` if there is not enough space.
        """
        with self.path.open("wb") as file:
            file.write(self._header())
            file.flush()
            if is_in_memory(file_system(self.path)):
                # Page by page in one thread, reserving would take as long as writing in many.
                make_sparse(file.fileno(), self.file_bytes)
            else:
                reserve(file.fileno(), self.file_bytes)

    def reopen(self) -> NDArray[np.bool_]:
        """Make an existing file whole again, and return which of its rows it has kept, (N,).

        Kept are those from the first on that the file still held; a file of other rows, or none,
        has kept none, and is replaced. Raises ``OSError``.
        """
        kept = self._held()
        if not kept:
            self.create()
            return np.zeros(self.rows, bool)
        with self.path.open("r+b") as file:
            file.write(self._header())
            file.flush()
            if is_in_memory(file_system(self.path)):
                os.ftruncate(file.fileno(), self.file_bytes)
            else:
                reserve(file.fileno(), self.file_bytes)
        return np.arange(self.rows) < kept

    def _held(self) -> int:
        try:
            with self.path.open("rb") as file:
                header = file.read(HEADER_BYTES)
            size = self.path.stat().st_size
        except FileNotFoundError:
            return 0
        # A store that was shortened, or was about to be, because images were bad, says so there.
        said = _SHAPE.search(header)
        rows = int(said[1]) if said else 0
        if not 0 < rows <= self.rows or header != replace(self, rows=rows)._header():
            return 0
        return min(self.rows, max(0, size - HEADER_BYTES) // self.row_bytes)

    def writer(self, window_bytes: int | None = None, *, mapped: bool = False) -> NpyWriter:
        """Return a writer.

        ``window_bytes`` keeps the page cache small; ``mapped`` lets many processes write at once
        into a file in memory, each for twice the work of one that writes alone.
        """
        return NpyWriter(self, window_bytes, mapped=mapped)

    def read(self) -> MappedRows:
        """Map all rows, read-only."""
        return MappedRows(np.load(self.path, mmap_mode="r", allow_pickle=False))

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copy rows over others."""
        with self.path.open("rb") as file, self.writer() as writer:
            for source, target in zip(sources, targets, strict=True):
                file.seek(HEADER_BYTES + source * self.row_bytes)
                writer.write(target, np.frombuffer(file.read(self.row_bytes), np.uint8))

    def shorten(self, rows: int) -> NpyStore:
        """Cut the file after ``rows`` rows."""
        shorter = replace(self, rows=rows)
        with self.path.open("r+b") as file:
            file.write(shorter._header())
            file.truncate(shorter.file_bytes)
        return shorter

    def flusher(self) -> NpyFlusher:
        """Return what brings the file to disk."""
        return NpyFlusher(self)

    def sync(self) -> None:
        """Flush the file to disk."""
        sync(self.path)

    def _header(self) -> bytes:
        return npy_header((self.rows, *self.row_shape), np.dtype(self.dtype))


def _write_at(file: int, view: memoryview, position: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(file, view, position)
    os.lseek(file, position, os.SEEK_SET)
    return os.write(file, view)
