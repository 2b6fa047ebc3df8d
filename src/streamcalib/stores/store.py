"""What every store does: it is created whole, written row by row by index, and made durable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from streamcalib.stores.writeback import WriteBehind


class RowWriter(Protocol):
    """A worker's open store. Workers write disjoint rows; none waits for another."""

    def write(self, index: int, rows: NDArray[Any]) -> None:
        """Write consecutive rows from ``index`` on, or a single one.

        ``rows``, (k, *row shape) or (*row shape), is C-contiguous and in the store's dtype. Raises
        ``OSError``.
        """
        ...

    def write_part(self, index: int, offset: int, part: NDArray[Any]) -> None:
        """Write a part of row ``index``, from byte ``offset`` of the row on; raises ``OSError``."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Store(Protocol):
    """A preallocated array of rows on disk, known by its path so that it can be sent to workers."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        ...

    def create(self) -> None:
        """Allocate the store; its rows read as zero until they are written."""
        ...

    def writer(self, behind: WriteBehind | None = None) -> RowWriter:
        """Open the store for writing rows, in this process; ``behind`` keeps the cache small."""
        ...

    def read(self) -> NDArray[Any]:
        """Map all rows, read-only: (N, *row_shape)."""
        ...

    def move(self, source: int, target: int) -> None:
        """Copy row ``source`` over row ``target``."""
        ...

    def shorten(self, rows: int) -> Store:
        """Drop the rows from ``rows`` on, and return the store as it is then."""
        ...

    def sync(self) -> None:
        """Make everything written durable."""
        ...
