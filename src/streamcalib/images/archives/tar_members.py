"""The members of an uncompressed tar: a scan over its headers, and one member's bytes."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from streamcalib.errors import ImageError
from streamcalib.images.archives.index import Member, MemberKind
from streamcalib.images.archives.source import Window
from streamcalib.images.places import normal_member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.images.archives.source import ArchiveBytes

# Long names and pax headers; a path has 4096 bytes at most.
_MOST_HEADER_BYTES = 2**20
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}


def scan_tar(source: ArchiveBytes) -> Iterator[Member]:
    """Yield the members of a tar, folders left out; a hard link is what it is linked to.

    Raises
    ------
    ValueError
        If it is no tar, is compressed, or is damaged or cut short; the message is the reason.
    OSError
        If it cannot be read.
    """
    _check_start(source)
    regular: dict[str, Member] = {}
    try:
        with tarfile.open(fileobj=Window(source, _MOST_HEADER_BYTES), mode="r:") as archive:
            end = -1
            while (entry := archive.next()) is not None:
                # It would lead back, and round and round.
                if entry.size < 0:
                    raise ValueError(f"the header at byte {max(end, 0)} is damaged")
                end = archive.offset
                # It holds on to all of them, by this list.
                archive.members.clear()  # type: ignore[attr-defined]
                if (member := _member(entry, regular)) is not None:
                    yield member
            end = max(end, archive.offset)
    except (tarfile.TarError, RecursionError, OverflowError, LookupError) as error:
        raise ValueError(str(error)) from error
    # tarfile takes whatever it cannot read for the end.
    if end > source.size:
        raise ValueError(f"it ends at byte {source.size}, inside its last member")
    if any(source.read_at(end, tarfile.BLOCKSIZE)):
        raise ValueError(f"what stands at byte {end} is no header: it is damaged or cut short")


def _check_start(source: ArchiveBytes) -> None:
    start = source.read_at(0, 8)
    for mark, name in _COMPRESSED.items():
        if start.startswith(mark):
            raise ValueError(
                f"it is compressed as a whole ({name}), and no member can be reached without all "
                "that stand before it: decompress it first"
            )


def _member(entry: tarfile.TarInfo, regular: dict[str, Member]) -> Member | None:
    name = normal_member(entry.name)
    if entry.isdir():
        return None
    if entry.islnk() and (target := regular.get(normal_member(entry.linkname))) is not None:
        return target._replace(name=name)
    if entry.issparse():
        kind = MemberKind.SPARSE
    elif entry.isreg():
        kind = MemberKind.FILE
    else:
        kind = MemberKind.LINK if entry.issym() or entry.islnk() else MemberKind.SPECIAL
    member = Member(name, entry.offset_data, entry.size, entry.size, kind=kind)
    if kind == MemberKind.FILE:
        regular[name] = member
    return member


def read_tar_member(source: ArchiveBytes, member: Member) -> bytes:
    """Return a member's bytes, of a size that is within limits.

    Raises
    ------
    ImageError
        If the archive ends before it does.
    OSError
        If it cannot be read.
    """
    data = source.read_at(member.offset, member.bytes)
    if len(data) != member.bytes:
        raise ImageError("the archive ends before it does")
    return data
