"""What an export's rows are written into."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Rowset:
    """What is to be written.

    Attributes
    ----------
    count
        Number of rows.
    row_shape, dtype
        Of a row, without a batch axis.
    """

    count: int
    row_shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def row_bytes(self) -> int:
        """Size of a row, in bytes."""
        return prod(self.row_shape) * self.dtype.itemsize


class Place(NamedTuple):
    """Where a row is: the file, relative to an exported folder, and its number in that file."""

    file: str
    at: int


class ContainerWriter(Protocol):
    """Takes all rows in order, one at a time."""

    def write(self, row: NDArray[Any], image: str) -> Place:
        """Write the next row, C-contiguous, which was made of ``image``; raises ``OSError``."""
        ...

    def close(self) -> None:
        """End what was written, durably; raises ``OSError``."""
        ...

    def abandon(self) -> None:
        """Let go of what is open: the export failed."""
        ...


class Container(Protocol):
    """A kind of file or folder, before it is there."""

    @property
    def is_folder(self) -> bool:
        """Whether it is one."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """What tells two of them apart, as JSON has it."""
        ...

    def shown(self, rows: Rowset) -> str:
        """Return what will be written, in words."""
        ...

    def data_bytes(self, rows: Rowset) -> int:
        """Return the size of all files, in bytes; before compression."""
        ...

    def is_entry(self, name: str) -> bool:
        """Whether a file in the folder may have such a name."""
        ...

    def open(self, path: Path, rows: Rowset, window_bytes: int) -> ContainerWriter:
        """Begin to write at ``path``; the page cache is held to ``window_bytes``."""
        ...
