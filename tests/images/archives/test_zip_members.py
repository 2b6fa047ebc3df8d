"""Members of zips: every way they can be stored, and every way they can be wrong."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

import packed
from messages import text_of
from streamcalib.errors import ImageError
from streamcalib.images.reading import read_image

DATA = bytes(range(256)) * 300
CRC = f"{zlib.crc32(DATA):08x}"


def read(path: Path, name: str = "a.jpg", **limits) -> bytes:
    return read_image(f"{path}::{name}", (), **limits)


def why(path: Path, name: str = "a.jpg", **limits) -> str:
    with pytest.raises(ImageError) as caught:
        read(path, name, **limits)
    return text_of(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("data", [DATA, b"", b"x", os.urandom(100_000)])
def test_stored_and_deflated_members_are_read(tmp_path, method, data):
    """Bit for bit, from anywhere in the archive."""
    path = packed.make_zip(tmp_path / "a.zip", {"0": b"-" * 99, "a.jpg": data, "z": b"-"}, method)
    assert read(path) == data


def test_what_stands_before_the_archive_does_not_matter(tmp_path):
    """As of a self-extracting one."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": DATA})
    path.write_bytes(b"#!/bin/sh\n" * 500 + path.read_bytes())
    assert read(path) == DATA


def test_sizes_behind_the_data_are_taken_from_the_directory(tmp_path):
    """Archives that were written to a pipe have them there alone."""

    class Pipe(io.RawIOBase):
        def __init__(self, file):
            self.file = file

        def writable(self):
            return True

        def write(self, data):
            return self.file.write(data)

    with (tmp_path / "a.zip").open("wb") as file, zipfile.ZipFile(Pipe(file), "w") as archive:
        archive.writestr("a.jpg", DATA, zipfile.ZIP_DEFLATED)
    assert read(tmp_path / "a.zip") == DATA


def test_a_long_extra_field_is_passed_over(tmp_path):
    """Wherever the data begins behind the header."""
    entry = zipfile.ZipInfo("a.jpg")
    entry.extra = struct.pack("<HH", 0x7777, 30_000) + bytes(30_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, DATA)
    assert read(tmp_path / "a.zip") == DATA


def test_the_last_of_one_name_counts(tmp_path):
    """As extraction would have it; a leading slash and dots go."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.jpg", b"second")
        archive.writestr("/b.jpg", b"third")
        archive.writestr("./c//d.jpg", b"fourth")
    path = tmp_path / "a.zip"
    assert [read(path, name) for name in ("a.jpg", "b.jpg", "c/d.jpg", "./c//d.jpg")] == [
        *(b"second", b"third", b"fourth", b"fourth")
    ]


def test_names_lead_nowhere(tmp_path):
    """A member's name is a key: what climbs or is absolute is sought in the archive alone."""
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    path = packed.make_zip(tmp_path / "a.zip", {"../inside.jpg": b"inside"})
    assert read(path, "../inside.jpg") == b"inside"
    for name in ("../secret.jpg", f"{tmp_path}/secret.jpg", "secret.jpg"):
        assert why(path, name) == f"the archive {path} has no such member"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_told(tmp_path, method):
    """By their number."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": DATA}, method)
    assert why(path).startswith(f"it is compressed by method {method} in the archive")


def changed(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def directory_start(path: Path) -> int:
    return path.read_bytes().rindex(b"PK\1\2")


def test_an_encrypted_member_is_told(tmp_path):
    """It is bad; nobody is asked for a password."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": DATA})
    changed(path, directory_start(path) + 8, struct.pack("<H", 1))
    assert why(path) == "it is encrypted"


def test_a_link_is_told(tmp_path):
    """What it says is no image, and is not followed."""
    entry = zipfile.ZipInfo("a.jpg")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert why(tmp_path / "a.zip") == "it is a link, and inside of archives none is followed"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_wrong_crc_makes_that_image_bad_and_no_other(tmp_path, method):
    """Both sums are told."""
    path = packed.make_zip(tmp_path / "a.zip", {"b.jpg": DATA, "a.jpg": DATA}, method)
    start = directory_start(path)
    changed(path, start + 16, bytes(4))
    assert why(path) == f"its CRC-32 in the archive is 00000000, its bytes' {CRC}"
    assert read(path, "b.jpg") == DATA


def test_a_flipped_bit_is_found(tmp_path):
    """In a stored member, which no decompressor looks at."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": DATA})
    changed(path, 1000, b"\xaa\xbb")
    assert why(path).startswith(f"its CRC-32 in the archive is {CRC}")


def test_damaged_compression_is_told(tmp_path):
    """Whatever it comes to."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": os.urandom(9999)}, zipfile.ZIP_DEFLATED)
    changed(path, 30 + len("a.jpg"), b"\xff" * 200)
    assert why(path) == "its compressed data in the archive is damaged"


def test_data_that_ends_early_is_told(tmp_path):
    """The compressed size is too small."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": DATA}, zipfile.ZIP_DEFLATED)
    changed(path, directory_start(path) + 20, struct.pack("<I", 50))
    assert why(path) == "its compressed data in the archive ends early"


def test_a_bomb_takes_no_memory(tmp_path):
    """What inflates to more than it claims is told after as much as it claims."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(bomb.compress(bytes(2**20)) for _ in range(1000)) + bomb.flush()
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": b"x" * len(data)})
    start = directory_start(path)
    changed(path, start + 10, struct.pack("<H", 8))
    changed(path, 30 + len("a.jpg"), data)
    before = peak()
    assert why(path) == f"it goes on behind the {len(data)} bytes that the archive says it has"
    assert peak() - before < 50_000


def peak() -> int:
    """Return the most memory that this process has had, in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize(("offset", "size"), [(20, 10**9), (24, 10**9)])
def test_a_claimed_size_over_the_limit_is_not_read(tmp_path, offset, size):
    """Neither as it is stored nor as it would come out."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": DATA}, zipfile.ZIP_DEFLATED)
    changed(path, directory_start(path) + offset, struct.pack("<I", size))
    assert why(path) == "1000000000 bytes are over the limit of 256 MB (--max-file-size)"


def test_the_limit_holds_for_members(tmp_path):
    """To the byte."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": DATA})
    assert read(path, max_bytes=len(DATA)) == DATA
    assert f"{len(DATA)} bytes are over the limit" in why(path, max_bytes=len(DATA) - 1)


def test_an_offset_that_leads_elsewhere_is_told(tmp_path):
    """Into other data, and behind the end."""
    path = packed.make_zip(tmp_path / "a.zip", {"0": bytes(500), "a.jpg": DATA})
    changed(path, directory_start(path) + 42, struct.pack("<I", 100))
    assert why(path) == "the archive is damaged: nothing stands where it says"
    changed(path, directory_start(path) + 42, struct.pack("<I", 2**31))
    assert why(path) == "the archive ends before it"


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"no archive", bytes(100), b"PK\5\6" + bytes(18)[:17], b"\x1f\x8b" + bytes(99)],
)
def test_what_is_no_zip_is_told(tmp_path, data):
    """With its name."""
    (tmp_path / "a.zip").write_bytes(data)
    assert why(tmp_path / "a.zip").startswith(f"the archive {tmp_path}/a.zip is no zip: ")


@pytest.mark.parametrize("cut", [1, 30, 100, 5000])
def test_a_zip_that_is_cut_short_is_none(tmp_path, cut):
    """Its directory is at its end."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": DATA})
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    assert f"{path} is no zip" in why(path)


def test_a_directory_that_claims_to_be_huge_takes_no_memory(tmp_path):
    """A hole of a terabyte costs nothing to send."""
    path = packed.make_zip(tmp_path / "a.zip", {"a.jpg": DATA})
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    with path.open("wb") as file:
        file.truncate(2**32)
        file.seek(0, os.SEEK_END)
        tail = bytearray(data[end:])
        tail[12:20] = struct.pack("<II", 2**31, 2**31)
        file.write(tail)
    assert "claims to have 2147483648 bytes" in why(path)


def test_a_zip_over_4_gib_is_read(tmp_path):
    """Offsets and sizes that need 64 bits; the file is nearly all hole."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("first.jpg", b"first")
        # As if a member of 5 GB had been written.
        archive.fp.seek(5 * 10**9)
        archive.start_dir = archive.fp.tell()
        archive.writestr("a.jpg", DATA)
        archive.writestr("b.jpg", DATA[::-1], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size > 5 * 10**9
    assert path.stat().st_blocks * 512 < 10**7, "this file system keeps no holes"
    assert [read(path, name) for name in ("first.jpg", "a.jpg", "b.jpg")] == [
        *(b"first", DATA, DATA[::-1])
    ]
