"""All rows in one ``.npy``, by itself or in a folder with a list of its images."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamcalib.durable import sync
from streamcalib.exporting.container import Place, Rowset
from streamcalib.exporting.names import bare_name
from streamcalib.stores.npy import HEADER_BYTES, NpyStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TextIO

    from numpy.typing import NDArray

ARRAY_NAME = "calibration.npy"
LIST_NAME = "calibration_list.txt"
_LONGEST_NAME = 256


@dataclass(frozen=True)
class NpyFile:
    """One ``.npy`` of all rows; see `Container`.

    Attributes
    ----------
    is_folder
        Whether it stands in a folder as ``calibration.npy``, beside a list of bare image names.
    """

    is_folder: bool = False

    @property
    def facts(self) -> Mapping[str, Any]:
        """What tells two of them apart."""
        return {"container": "npy", "list": LIST_NAME if self.is_folder else None}

    def shown(self, rows: Rowset) -> str:
        """Return the array's shape and dtype."""
        array = f"{(rows.count, *rows.row_shape)} {rows.dtype.name}"
        return f"{ARRAY_NAME} and {LIST_NAME}, {array}" if self.is_folder else array

    def data_bytes(self, rows: Rowset) -> int:
        """Return the size of the array's file."""
        listed = rows.count * _LONGEST_NAME if self.is_folder else 0
        return HEADER_BYTES + rows.count * rows.row_bytes + listed

    def is_entry(self, name: str) -> bool:
        """Whether a file in the folder may have such a name."""
        return name in (ARRAY_NAME, LIST_NAME)

    def open(self, path: Path, rows: Rowset, window_bytes: int) -> _Writer:
        """Reserve the file's space; raises ``OSError``."""
        if not self.is_folder:
            return _Writer(path, None, rows, window_bytes)
        path.mkdir()
        return _Writer(path / ARRAY_NAME, path / LIST_NAME, rows, window_bytes)


class _Writer:
    def __init__(self, path: Path, listed: Path | None, rows: Rowset, window_bytes: int) -> None:
        self._path, self._listed = path, listed
        shape, dtype = rows.row_shape, rows.dtype.name
        store = NpyStore(path=path, rows=rows.count, row_shape=shape, dtype=dtype)
        store.create()
        self._open = ExitStack()
        self._rows = self._open.enter_context(store.writer(window_bytes))
        self._list: TextIO | None = None
        if listed is not None:
            file = listed.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            self._list = self._open.enter_context(file)
        self._next = 0

    def write(self, row: NDArray[Any], image: str) -> Place:
        self._rows.write(self._next, row)
        if self._list is not None:
            self._list.write(f"{bare_name(image)}\n")
        self._next += 1
        return Place(ARRAY_NAME if self._listed else "", self._next - 1)

    def close(self) -> None:
        self._open.close()
        sync(self._path)
        if self._listed is not None:
            sync(self._listed)

    def abandon(self) -> None:
        self._open.close()
