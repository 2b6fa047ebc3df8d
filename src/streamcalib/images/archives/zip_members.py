"""The members of a zip: its central directory, and one member's bytes."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from streamcalib.errors import ImageError
from streamcalib.images.archives.index import Member, MemberKind
from streamcalib.images.archives.source import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.images.archives.source import ArchiveBytes

# COCO's train2017.zip has 12 MB of it.
_MOST_DIRECTORY_BYTES = 2**29
_ENCRYPTED = 0x1 | 0x20 | 0x40
_UNIX = 3
_LOCAL_HEADER = struct.Struct("<4s22sHH")
# What stands between header and data beside the name is short: one read gets all.
_SLACK_BYTES = 2**10


def scan_zip(source: ArchiveBytes) -> Iterator[Member]:
    """Yield the members of a zip, folders left out.

    Raises
    ------
    ValueError
        If it is no zip; the message is the reason.
    OSError
        If it cannot be read.
    """
    try:
        with zipfile.ZipFile(Window(source, _MOST_DIRECTORY_BYTES)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, struct.error, OverflowError) as error:
        reason = str(error)
        raise ValueError(reason[:1].lower() + reason[1:]) from error
    for entry in entries:
        if entry.is_dir():
            continue
        yield Member(
            entry.filename,
            entry.header_offset,
            entry.compress_size,
            entry.file_size,
            entry.CRC,
            entry.compress_type,
            _kind(entry),
        )


def _kind(entry: zipfile.ZipInfo) -> MemberKind:
    if entry.flag_bits & _ENCRYPTED:
        return MemberKind.ENCRYPTED
    mode = entry.external_attr >> 16 if entry.create_system == _UNIX else 0
    if stat.S_ISLNK(mode):
        return MemberKind.LINK
    return MemberKind.FILE if not stat.S_IFMT(mode) or stat.S_ISREG(mode) else MemberKind.SPECIAL


def read_zip_member(source: ArchiveBytes, member: Member) -> bytes:
    """Return a member's bytes, of a size that is within limits.

    Raises
    ------
    ImageError
        If it is not as the archive says.
    OSError
        If it cannot be read.
    """
    if member.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ImageError(
            f"it is compressed by method {member.method} in the archive: only stored and deflated "
            "members are read"
        )
    stored = _stored(source, member)
    data = bytes(stored) if member.method == zipfile.ZIP_STORED else _inflated(stored, member.bytes)
    if len(data) != member.bytes:
        raise ImageError(f"it has {len(data)} bytes in the archive, which says {member.bytes}")
    if (found := zlib.crc32(data)) != member.crc32:
        raise ImageError(f"its CRC-32 in the archive is {member.crc32:08x}, its bytes' {found:08x}")
    return data


def _stored(source: ArchiveBytes, member: Member) -> memoryview:
    """Return a member's bytes as they stand in the archive."""
    header, slack = _LOCAL_HEADER.size, _SLACK_BYTES
    data = source.read_at(member.offset, header + slack + member.stored_bytes)
    if len(data) < header:
        raise ImageError("the archive ends before it")
    signature, _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack_from(data)
    if signature != b"PK\3\4":
        raise ImageError("the archive is damaged: nothing stands where it says")
    start = header + name_bytes + extra_bytes
    if start > header + slack:
        data, start = source.read_at(member.offset + start, member.stored_bytes), 0
    stored = memoryview(data)[start : start + member.stored_bytes]
    if len(stored) != member.stored_bytes:
        raise ImageError("the archive ends before it does")
    return stored


def _inflated(stored: memoryview, size: int) -> bytes:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than there should be is enough to tell, however much there is.
        data = inflate.decompress(stored, size + 1)
    except zlib.error as error:
        raise ImageError("its compressed data in the archive is damaged") from error
    if len(data) > size:
        raise ImageError(f"it goes on behind the {size} bytes that the archive says it has")
    if not inflate.eof:
        raise ImageError("its compressed data in the archive ends early")
    return data
