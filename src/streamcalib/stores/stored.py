"""Rows that are stored, to be read: mapped from a file, or copied out of shards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from streamcalib.errors import DamagedError
from streamcalib.stores.mapped import RowMapping
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


class StoredRows(Protocol):
    """The rows of a store, final values or canvases: (N, *row shape).

    Safe to share among threads.
    """

    @property
    def name(self) -> str:
        """Where they are, for messages."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, *row shape)``."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values as stored."""
        ...

    @property
    def row_bytes(self) -> int:
        """Size of a row, in bytes; of a compressed one, when it is restored."""
        ...

    @property
    def is_mapped(self) -> bool:
        """Whether `read` gives views of a file instead of fresh arrays."""
        ...

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``, C-contiguous.

        What is copied goes to the beginning of ``out`` (k, *row shape) if that is given.

        Raises
        ------
        DamagedError
            If a row is known to be damaged: of a mapped file, none is.
        OSError
            If it cannot be read.
        """
        ...

    def attempt(self, start: int, stop: int) -> tuple[NDArray[Any], dict[int, str]]:
        """Return rows as `read` does, and what is wrong with those that are damaged, by row."""
        ...

    def take(self, rows: Sequence[int]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return some rows, ascending, in a fresh array, and which of them are not damaged."""
        ...

    def read_ahead(self, start: int, stop: int) -> None:
        """Let the system begin to read rows from disk."""
        ...

    def forget(self, start: int, stop: int, since: int = 0) -> None:
        """Let the page cache drop rows that were read; see `RowMapping.drop`."""
        ...


class MappedRows:
    """Rows that are mapped from a file, or that lie in memory; see `StoredRows`."""

    is_mapped = True

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self._mapping = RowMapping(array)
        self.shape = array.shape
        self.dtype = array.dtype

    @property
    def row_bytes(self) -> int:
        """Size of a row, in bytes."""
        return int(self.array[:1].nbytes)

    @property
    def name(self) -> str:
        """The file, for messages."""
        name = getattr(self.array, "filename", None)
        return "the set" if name is None else os.fspath(name)

    def __len__(self) -> int:
        return len(self.array)

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:  # noqa: ARG002
        """Return a read-only view of rows; see `StoredRows.read`."""
        return self.array[start:stop]

    def attempt(self, start: int, stop: int) -> tuple[NDArray[Any], dict[int, str]]:
        """Return a view of rows; see `StoredRows.attempt`."""
        return self.array[start:stop], {}

    def take(self, rows: Sequence[int]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return a copy of some rows; see `StoredRows.take`."""
        taken = np.ascontiguousarray(self.array[np.asarray(rows, np.int64)])
        return taken, np.ones(len(rows), bool)

    def read_ahead(self, start: int, stop: int) -> None:
        """Let the system begin to read rows from disk."""
        self._mapping.read_ahead(start, stop)

    def forget(self, start: int, stop: int, since: int = 0) -> None:
        """Let the page cache drop rows that were read."""
        self._mapping.drop(start, stop, since)


def damaged(row: int, name: str, reason: str) -> DamagedError:
    """Return what is to be raised of a row that is not what was written."""
    return DamagedError(
        f"row {row} of {printable(name)} is damaged: {reason}. Copy the set again from where it is "
        "whole, or build it again."
    )


def runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the places between which row indices follow each other."""
    start = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or rows[place] != rows[place - 1] + 1:
            yield start, place
            start = place
