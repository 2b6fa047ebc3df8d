"""Where the members of an archive are: plain arrays, which all processes can share by a mapping."""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left, bisect_right
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamcalib.images.places import normal_member

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterable, Iterator

MOST_MEMBERS = 5_000_000
"""An archive of more is none of images, or one that is to take a machine's memory."""

_MAGIC = b"scindex1"
_HEADER = struct.Struct("<8s32sQQQ")
_RECORD = np.dtype(
    [
        ("offset", "<i8"),
        ("stored_bytes", "<i8"),
        ("bytes", "<i8"),
        ("name_end", "<u8"),
        ("crc32", "<u4"),
        ("method", "<u2"),
        ("kind", "<u2"),
    ]
)
_SIGNPOSTS_APART = 64
_NAMES = "utf-8", "surrogateescape"


class MemberKind(IntEnum):
    """What a member is, as far as reading it goes."""

    FILE = 0
    LINK = 1
    SPARSE = 2
    ENCRYPTED = 3
    SPECIAL = 4


class Member(NamedTuple):
    """A member of an archive.

    Attributes
    ----------
    name
        As extraction would name it.
    offset
        In bytes: of its header in a zip, of its data in a tar.
    stored_bytes, bytes
        Its size in the archive, and once it is decompressed.
    crc32
        Of its data; 0 in a tar, which has none.
    method
        The zip's number for how it is compressed; 0 is not at all.
    """

    name: str
    offset: int
    stored_bytes: int
    bytes: int
    crc32: int = 0
    method: int = 0
    kind: MemberKind = MemberKind.FILE


def pack(members: Iterable[Member], identity: bytes) -> bytes:
    """Return an index of members as bytes; of several of one name the last one counts.

    ``identity`` are the 32 bytes that tell the archive from others. A member without a name, or of
    a size that cannot be, is left out.

    Raises
    ------
    ValueError
        If there are more than `MOST_MEMBERS`.
    """
    last: dict[bytes, Member] = {}
    for number, member in enumerate(members):
        if number == MOST_MEMBERS:
            raise ValueError(f"it has more than {MOST_MEMBERS:,} members")
        name = normal_member(member.name).encode(*_NAMES)
        numbers = member.offset, member.stored_bytes, member.bytes
        if name and min(numbers) >= 0 and max(numbers) < 2**63:
            last[name] = member
    names = sorted(last)
    records = np.zeros(len(names), _RECORD)
    if names:
        found = [last[name] for name in names]
        for field in ("offset", "stored_bytes", "bytes", "crc32", "method", "kind"):
            records[field] = [getattr(member, field) for member in found]
        records["name_end"] = np.cumsum([len(name) for name in names])
    body = records.tobytes() + b"".join(names)
    names_bytes = int(records["name_end"][-1]) if names else 0
    return _HEADER.pack(_MAGIC, identity, len(names), names_bytes, zlib.crc32(body)) + body


class Index:
    """The members of an archive, found by name.

    Parameters
    ----------
    data
        What `pack` returned, perhaps mapped from a file that anybody may have written.
    identity
        The archive that it must be of.

    Raises
    ------
    ValueError
        If it is no index, is damaged, or is of another archive.
    """

    def __init__(self, data: bytes | mmap.mmap, identity: bytes) -> None:
        if len(data) < _HEADER.size:
            raise ValueError("it is too short for an index")
        magic, of, count, names_bytes, crc = _HEADER.unpack_from(data)
        if magic != _MAGIC or of != identity:
            raise ValueError("it is no index of this archive")
        names_start = _HEADER.size + count * _RECORD.itemsize
        if len(data) != names_start + names_bytes:
            raise ValueError("its size is not what it says")
        with memoryview(data) as view, view[_HEADER.size :] as body:
            if zlib.crc32(body) != crc:
                raise ValueError("it is damaged")
        self._data, self._names_start = data, names_start
        self._records = np.frombuffer(data, _RECORD, count, _HEADER.size)
        self._ends = self._records["name_end"]
        # Every 64th name at hand makes finding one several times as fast, for 1 byte a member.
        self._signposts = [self._name(place) for place in range(0, count, _SIGNPOSTS_APART)]

    def __len__(self) -> int:
        return len(self._records)

    def find(self, name: str) -> Member | None:
        """Return the member of a name, or None; ``./a//b`` is ``a/b``."""
        try:
            wanted = normal_member(name).encode(*_NAMES)
        except UnicodeEncodeError:
            return None
        start = max(0, bisect_right(self._signposts, wanted) - 1) * _SIGNPOSTS_APART
        near = range(start, min(start + _SIGNPOSTS_APART, len(self)))
        place = start + bisect_left(near, wanted, key=self._name)
        if place == near.stop or self._name(place) != wanted:
            return None
        return self._member(place)

    def members(self) -> Iterator[Member]:
        """Yield all members, sorted by the bytes of their names."""
        return (self._member(place) for place in range(len(self)))

    def _name(self, place: int) -> bytes:
        start = self._names_start + (self._ends.item(place - 1) if place else 0)
        return self._data[start : self._names_start + self._ends.item(place)]

    def _member(self, place: int) -> Member:
        offset, stored_bytes, size, _, crc32, method, kind = self._records[place].item()
        name = self._name(place).decode(*_NAMES)
        return Member(name, offset, stored_bytes, size, crc32, method, MemberKind(kind))
