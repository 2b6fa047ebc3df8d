"""The ``.npz`` container: stored members, streamed, page-aligned so that they can be mapped."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.stores.npy import HEADER_BYTES, npy_header

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from streamcalib.stores.writeback import WriteBehind

_LOCAL_HEADER_BYTES = 30
_ZIP64_FIELD_BYTES = 20
_EXTRA_HEADER_BYTES = 4
# The id under which Android's zipalign pads; readers skip fields that they do not know.
_PADDING_ID = 0xD935
_EPOCH = (1980, 1, 1, 0, 0, 0)


class NpzWriter:
    """Writes arrays one after another into a new ``.npz``, without holding any of them.

    Parameters
    ----------
    path
        The file to make; replaced if it exists.
    behind
        Keeps the page cache small.
    """

    def __init__(self, path: Path, behind: WriteBehind | None = None) -> None:
        self._behind = behind
        self._file = path.open("w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED, allowZip64=True)

    def add(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        parts: Iterable[NDArray[Any]],
    ) -> None:
        """Add the array ``name`` of ``shape`` and ``dtype`` from consecutive C-contiguous parts.

        The member has zip64 fields whatever its size, its data starts at a multiple of 4096 bytes
        in the file, and so does the first element.
        """
        info = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
        info.compress_type = zipfile.ZIP_STORED
        info.external_attr = 0o644 << 16
        info.extra = self._padding(info)
        with self._zip.open(info, "w", force_zip64=True) as member:
            member.write(npy_header(shape, dtype))
            for part in parts:
                start = self._file.tell()
                member.write(part.reshape(-1).view(np.uint8).data)
                if self._behind is not None:
                    self._file.flush()
                    self._behind.wrote(self._file.fileno(), start, self._file.tell() - start)

    def close(self) -> None:
        """Write the directory of the archive."""
        try:
            self._zip.close()
        finally:
            self._file.close()

    def _padding(self, info: zipfile.ZipInfo) -> bytes:
        name_bytes = len(info.filename.encode("utf-8"))
        fixed = _LOCAL_HEADER_BYTES + name_bytes + _ZIP64_FIELD_BYTES + _EXTRA_HEADER_BYTES
        padding = -(self._file.tell() + fixed) % HEADER_BYTES
        return _PADDING_ID.to_bytes(2, "little") + padding.to_bytes(2, "little") + bytes(padding)


def map_member(path: Path, name: str) -> NDArray[Any]:
    """Map the array ``name`` of a ``.npz`` in place, read-only.

    Raises
    ------
    KeyError
        If there is no such member.
    ValueError
        If the member is compressed, or is no plain ``.npy``.
    """
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy")
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"member {name!r} is compressed and cannot be mapped")
    with path.open("rb") as file:
        file.seek(info.header_offset)
        local = file.read(_LOCAL_HEADER_BYTES)
        name_bytes = int.from_bytes(local[26:28], "little")
        extra_bytes = int.from_bytes(local[28:30], "little")
        file.seek(info.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes)
        npy_version = np.lib.format.read_magic(file)
        if npy_version != (1, 0):
            raise ValueError(f"member {name!r} has .npy format {npy_version}, not 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if fortran or dtype.hasobject:
            raise ValueError(f"member {name!r} is not a plain C-ordered array")
        return np.memmap(path, dtype, "r", offset=file.tell(), shape=shape)
