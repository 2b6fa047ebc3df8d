"""The header of a ``.npy`` file, read as data: its words are compared, never evaluated."""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY\x01\x00"
_FIXED_BYTES = len(_MAGIC) + 2
# What streamcalib and numpy write of plain numbers; numpy ends a dictionary with one more comma.
_WORDS = re.compile(
    rb"\{'descr': '([<>|](?:f[248]|[iu][1248]|b1))', "
    rb"'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,19}, ?)*(?:\d{1,19})?)\)(?:, )?\} *\n"
)


class NpyHeader(NamedTuple):
    """What a header says, and where the array begins in the file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def array_bytes(self) -> int:
        """Size of the whole array, in bytes."""
        return prod(self.shape) * self.dtype.itemsize


def read_header(file: BinaryIO) -> NpyHeader:
    """Read the header that begins where ``file`` stands.

    Raises
    ------
    ValueError
        If there is none of format 1.0, or none of an array of plain numbers.
    """
    fixed = file.read(_FIXED_BYTES)
    if fixed[:6] != _MAGIC[:6] or len(fixed) < _FIXED_BYTES:
        raise ValueError("it is not in the .npy format")
    if fixed[6:8] != _MAGIC[6:]:
        raise ValueError(f"it has .npy format ({fixed[6]}, {fixed[7]}), not 1.0")
    words = _WORDS.fullmatch(file.read(int.from_bytes(fixed[8:], "little")))
    if words is None:
        raise ValueError("its header is not that of an array of plain numbers")
    shape = tuple(int(side) for side in re.findall(rb"\d+", words[3]))
    dtype = np.dtype(words[1].decode("ascii"))
    return NpyHeader(shape, dtype, words[2] == b"True", file.tell())


def map_array(path: Path, header: NpyHeader, end: int) -> NDArray[Any]:
    """Map an array in place, read-only, that has to end before byte ``end`` of its file.

    Raises
    ------
    ValueError
        If it is empty, or the file does not reach as far as the header says.
    """
    if not header.array_bytes:
        raise ValueError(f"it holds no value: its shape is {header.shape}")
    if header.offset + header.array_bytes > end:
        raise ValueError(
            f"it ends early: {header.array_bytes} bytes of shape {header.shape} do not fit into "
            f"the {max(0, end - header.offset)} that are there"
        )
    order: Literal["F", "C"] = "F" if header.fortran else "C"
    return np.memmap(path, header.dtype, "r", header.offset, header.shape, order)


def map_npy(path: Path) -> NDArray[Any]:
    """Map the array of a ``.npy`` file; raises ``OSError``, and ``ValueError`` as `map_array`."""
    with path.open("rb") as file:
        header = read_header(file)
        end = file.seek(0, 2)
    return map_array(path, header, end)
