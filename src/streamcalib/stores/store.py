"""What every store does: it is created whole, written row by row by index, and made durable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from streamcalib.stores.stored import StoredRows


class RowWriter(Protocol):
    """A worker's writer, entered for every task. Workers write disjoint rows; none waits."""

    def write(self, index: int, rows: NDArray[Any], sums: Sequence[int] | None = None) -> None:
        """Write consecutive rows from ``index`` on, or a single one.

        ``rows``, (k, *row shape) or (*row shape), is C-contiguous and in the store's dtype;
        ``sums``, if they are known, are the `checksum` of each. Raises ``OSError``.
        """
        ...

    def write_part(self, index: int, offset: int, part: NDArray[Any]) -> None:
        """Write a part of row ``index``, from byte ``offset`` of the row on; raises ``OSError``.

        The parts of a row come in their order, one behind the other.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Flusher(Protocol):
    """Makes rows durable that workers have written."""

    def wrote(self, rows: NDArray[np.int64]) -> None:
        """Note rows that were written."""
        ...

    def flush(self) -> None:
        """Bring to disk what was noted; raises ``OSError``."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...


class Store(Protocol):
    """A preallocated array of rows, known by its place so that it can be sent to workers."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        ...

    @property
    def row_bytes(self) -> int:
        """Size of a row as workers write it, in bytes."""
        ...

    @property
    def rows_together(self) -> int:
        """From a multiple of so many rows on, so many are for one worker to write."""
        ...

    @property
    def shown(self) -> str:
        """Where it is, for messages."""
        ...

    def exists(self) -> bool:
        """Whether it is there."""
        ...

    def create(self) -> None:
        """Allocate the store; raises ``OSError``."""
        ...

    def reopen(self) -> NDArray[np.bool_]:
        """Make an existing store whole again, and return which rows it may hold, (N,).

        Raises ``OSError``.
        """
        ...

    def writer(self, window_bytes: int | None = None, *, mapped: bool = False) -> RowWriter:
        """Return a writer for this process, which holds the page cache to ``window_bytes``.

        ``mapped`` lets many processes write at once into a file in memory.
        """
        ...

    def read(self) -> StoredRows:
        """Return all rows, to be read."""
        ...

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copy rows ``sources`` over rows ``targets``; raises ``OSError``."""
        ...

    def shorten(self, rows: int) -> Store:
        """Drop the rows from ``rows`` on, and return the store as it is then."""
        ...

    def flusher(self) -> Flusher:
        """Return what makes rows durable that workers have written."""
        ...

    def sync(self) -> None:
        """Make everything written durable; raises ``OSError``."""
        ...
