"""An open archive: its members' bytes, and what tells whether one has changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from streamcalib.errors import ImageError
from streamcalib.images.archives.cache import index_of
from streamcalib.images.archives.index import MemberKind
from streamcalib.images.archives.source import ArchiveBytes
from streamcalib.images.archives.tar_members import read_tar_member, scan_tar
from streamcalib.images.archives.zip_members import read_zip_member, scan_zip
from streamcalib.images.limits import over_limit
from streamcalib.images.stamp import Stamp, stamp_of
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.images.archives.index import Index, Member

ArchiveKind = Literal["zip", "tar"]
Source = TypeVar("Source", bound=ArchiveBytes)

_REASONS = {
    MemberKind.LINK: "it is a link, and inside of archives none is followed",
    MemberKind.SPARSE: "it is a sparse file in the archive, and such are not read",
    MemberKind.ENCRYPTED: "it is encrypted",
    MemberKind.SPECIAL: "it is not a regular file",
}


@dataclass(frozen=True)
class Archive(Generic[Source]):
    """An archive that is open; used by several threads at once.

    Attributes
    ----------
    location
        Its path or URL, for messages.
    changed
        A number that changes when it does, 63 bits.
    changed_ns
        When it was last changed, in nanoseconds since 1970.
    """

    location: str
    kind: ArchiveKind
    source: Source
    index: Index
    changed: int
    changed_ns: int

    @classmethod
    def open(
        cls, location: str, real: str, source: Source, *, changed: int, changed_ns: int
    ) -> Archive[Source]:
        """Open what ``source`` reads; ``real`` is its path with all links resolved, or its URL.

        Raises
        ------
        ImageError
            If it is no archive; the message names it.
        OSError
            If it cannot be read.
        """
        kind: ArchiveKind = "zip" if location.lower().endswith(".zip") else "tar"
        scan = scan_zip if kind == "zip" else scan_tar
        about = f"{kind} {source.size} {changed} {real}"
        identity = hashlib.sha256(about.encode("utf-8", "surrogatepass")).digest()
        try:
            index = index_of(real, identity, lambda: scan(source))
        except ValueError as error:
            reason = printable(str(error))
            raise ImageError(f"the archive {printable(location)} is no {kind}: {reason}") from error
        return cls(location, kind, source, index, changed, changed_ns)

    def members(self) -> Iterator[Member]:
        """Yield its regular files, sorted by the bytes of their names."""
        taken = (MemberKind.FILE, MemberKind.SPARSE, MemberKind.ENCRYPTED)
        return (member for member in self.index.members() if member.kind in taken)

    def holds(self, name: str) -> bool:
        """Whether it has a member of that name."""
        return self.index.find(name) is not None

    def probe(self, name: str) -> Stamp:
        """Return what tells whether a member has changed; raises `ImageError` if there is none."""
        return self._stamp(self._find(name))

    def read(self, name: str, max_bytes: int) -> tuple[bytes, Stamp]:
        """Return a member's bytes and stamp.

        Raises
        ------
        ImageError
            If there is none of that name, or it is too large, damaged, or of a kind that is not
            read.
        OSError
            If the archive cannot be read.
        """
        member = self._find(name)
        if member.kind in _REASONS:
            raise ImageError(_REASONS[member.kind])
        if member.bytes > max_bytes:
            raise over_limit(member.bytes, max_bytes)
        # What cannot be compressed grows a little.
        if member.stored_bytes > max_bytes + max_bytes // 256 + 64:
            raise over_limit(member.stored_bytes, max_bytes)
        read = read_zip_member if self.kind == "zip" else read_tar_member
        return read(self.source, member), self._stamp(member)

    def _find(self, name: str) -> Member:
        member = self.index.find(name)
        if member is None:
            raise ImageError(f"the archive {printable(self.location)} has no such member")
        return member

    def _stamp(self, member: Member) -> Stamp:
        place = f"{self.changed} {member.offset}"
        number = member.crc32 if self.kind == "zip" else stamp_of(place)
        return Stamp(member.bytes, number, self.changed_ns)
