"""The ``.npz`` container: stored members, streamed, page-aligned so that they can be mapped."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from streamcalib.stores.npy import HEADER_BYTES, npy_header
from streamcalib.stores.npy_header import map_array, read_header

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
# Behind the list of members stand a comment of 64 kB at most and two records.
_TAIL_BYTES = 2**16 + 200
_MOST_DIRECTORY_BYTES = 2**24
_IN_ZIP64 = 0xFFFFFFFF
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
    """Map the array ``name`` of a ``.npz`` in place, read-only; nothing is unpacked.

    Raises
    ------
    KeyError
        If there is no such member.
    ValueError
        If the file is no archive, or the member is compressed or no plain ``.npy``.
    OSError
        If the file cannot be read.
    """
    info = _member(path, name)
    with path.open("rb") as file:
        file.seek(info.header_offset)
        local = file.read(_LOCAL_HEADER_BYTES)
        if len(local) < _LOCAL_HEADER_BYTES or not local.startswith(b"PK\x03\x04"):
            raise ValueError(f"member {name!r} is not where the archive says")
        name_bytes = int.from_bytes(local[26:28], "little")
        extra_bytes = int.from_bytes(local[28:30], "little")
        start = info.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes
        file.seek(start)
        try:
            header = read_header(file)
            if header.fortran:
                raise ValueError("it is not C-ordered")
            end = min(start + info.file_size, file.seek(0, 2))
            return map_array(path, header, end)
        except ValueError as error:
            raise ValueError(f"member {name!r} is no plain array: {error}") from error


def _member(path: Path, name: str) -> zipfile.ZipInfo:
    with path.open("rb") as file:
        _check_directory(file)
        try:
            with zipfile.ZipFile(file) as archive:
                info = archive.getinfo(f"{name}.npy")
        except (zipfile.BadZipFile, NotImplementedError, OverflowError) as error:
            raise ValueError(f"it is no archive that can be read: {error}") from error
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"member {name!r} is compressed and cannot be mapped")
    if info.flag_bits & 1:
        raise ValueError(f"member {name!r} is encrypted")
    if info.header_offset < 0:
        raise ValueError(f"member {name!r} is not where the archive says")
    return info


def _check_directory(file: BinaryIO) -> None:
    """Make sure that the list of members, which zipfile reads whole, is none of millions."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    file.seek(0)
    place = tail.rfind(b"PK\x05\x06")
    large = tail.rfind(b"PK\x06\x06", 0, max(0, place))
    claimed = [tail[place + 12 : place + 16]] if place >= 0 else []
    claimed += [tail[large + 40 : large + 48]] if large >= 0 else []
    sizes = [int.from_bytes(field, "little") for field in claimed]
    if any(_MOST_DIRECTORY_BYTES < size < _IN_ZIP64 or size > _IN_ZIP64 for size in sizes):
        raise ValueError("its list of members is too long for an .npz of a few arrays")
