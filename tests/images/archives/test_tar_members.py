"""Members of tars: every kind, and every way an archive can be wrong."""

from __future__ import annotations

import gc
import os
import tarfile
from pathlib import Path

import pytest

import packed
from messages import text_of
from streamcalib.errors import ImageError, SourceError
from streamcalib.images.archives.source import ArchiveFile
from streamcalib.images.archives.tar_members import scan_tar
from streamcalib.images.listing import list_images
from streamcalib.images.reading import read_image

DATA = bytes(range(256)) * 300
LONG = "train/" + "x" * 300 + "/ä" + "y" * 200 + ".jpg"


def read(path: Path, name: str = "a.jpg", **limits) -> bytes:
    return read_image(f"{path}::{name}", (), **limits)


def why(path: Path, name: str = "a.jpg", **limits) -> str:
    with pytest.raises(ImageError) as caught:
        read(path, name, **limits)
    return text_of(caught.value)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_members_are_read(tmp_path, form):
    """Bit for bit, long names too, in the forms that are in use."""
    contents = {"train/": b"", "0": b"-", "a.jpg": DATA, LONG: DATA[::-1], "e.jpg": b""}
    path = packed.make_tar(tmp_path / "a.tar", contents, form)
    assert [read(path, name) for name in ("a.jpg", LONG, "e.jpg")] == [DATA, DATA[::-1], b""]
    assert why(path, "train").endswith("has no such member")


def test_the_last_of_one_name_counts(tmp_path):
    """As extraction would have it; a leading slash and dots go."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, data in (("a.jpg", b"1"), ("./a.jpg", b"2"), ("/b.jpg", b"3")):
            archive.addfile(*packed.tar_entry(name, data))
    assert read(tmp_path / "a.tar") == b"2"
    assert read(tmp_path / "a.tar", "b.jpg") == b"3"


def test_links(tmp_path):
    """A hard link is what it is linked to; a symbolic one, and one to nothing, is bad."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(*packed.tar_entry("a.jpg", DATA))
        for name, kind, target in (
            ("hard.jpg", tarfile.LNKTYPE, "./a.jpg"),
            ("lost.jpg", tarfile.LNKTYPE, "none.jpg"),
            ("soft.jpg", tarfile.SYMTYPE, "/etc/passwd"),
            ("pipe.jpg", tarfile.FIFOTYPE, ""),
        ):
            entry, _ = packed.tar_entry(name)
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)
    path = tmp_path / "a.tar"
    assert read(path, "hard.jpg") == DATA
    for name in ("lost.jpg", "soft.jpg"):
        assert why(path, name) == "it is a link, and inside of archives none is followed"
    assert why(path, "pipe.jpg") == "it is not a regular file"
    assert list_images(path).paths == [f"{path}::a.jpg", f"{path}::hard.jpg"]


def test_a_sparse_member_is_told(tmp_path):
    """Its bytes do not stand together."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        entry, data = packed.tar_entry("a.jpg", b"x" * 512)
        entry.pax_headers = {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.map": "0,512",
            "GNU.sparse.size": "1024",
        }
        archive.addfile(entry, data)
    assert why(tmp_path / "a.tar") == "it is a sparse file in the archive, and such are not read"


def test_the_limit_holds_for_members(tmp_path):
    """To the byte."""
    path = packed.make_tar(tmp_path / "a.tar", {"a.jpg": DATA})
    assert read(path, max_bytes=len(DATA)) == DATA
    assert f"{len(DATA)} bytes are over the limit" in why(path, max_bytes=len(DATA) - 1)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_a_compressed_tar_is_refused_with_why(tmp_path, kind):
    """Under its own ending, and under that of a plain one; what to do is said."""
    for name in (f"a.tar.{kind}", "a.tar"):
        with tarfile.open(tmp_path / name, f"w:{kind}") as archive:
            archive.addfile(*packed.tar_entry("a.jpg", DATA))
        with pytest.raises(SourceError) as caught:
            list_images(tmp_path / name)
        message = text_of(caught.value)
        assert "compressed as a whole" in message
        assert "decompress it" in message
    assert "compressed as a whole" in why(tmp_path / "a.tar")


@pytest.mark.parametrize("cut", [1, 512, 5000, 70_000, 77_000, 78_000])
def test_a_tar_that_is_cut_short_is_told(tmp_path, cut):
    """Nothing is chosen from half an archive as if it were whole."""
    path = packed.make_tar(tmp_path / "a.tar", {"a.jpg": DATA, "b.jpg": DATA})
    end = path.read_bytes().rindex(DATA) + len(DATA)
    path.write_bytes(path.read_bytes()[: end - cut])
    with pytest.raises(SourceError, match=r"a\.tar is no tar"):
        list_images(path)


def test_a_tar_that_ends_with_its_last_member_is_whole(tmp_path):
    """Some writers leave the blocks at the end out."""
    path = packed.make_tar(tmp_path / "a.tar", {"a.jpg": DATA, "b.jpg": DATA})
    end = path.read_bytes().rindex(DATA) + len(DATA)
    path.write_bytes(path.read_bytes()[:end])
    assert read(path, "b.jpg") == DATA


def test_a_damaged_header_is_told(tmp_path):
    """Reading does not stop there as if the archive ended."""
    path = packed.make_tar(tmp_path / "a.tar", {"a.jpg": DATA, "b.jpg": DATA, "c.jpg": DATA})
    data = bytearray(path.read_bytes())
    data[data.index(b"b.jpg")] ^= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"at byte \d+ is no header"):
        list_images(path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("size", [-512, -2048, -512 - 512 - len(DATA)])
def test_a_size_that_leads_back_ends(tmp_path, size):
    """A negative size does not have the archive read for ever, from its own header or another."""
    entry, _ = packed.tar_entry("b.jpg")
    entry.size = size
    header = entry.tobuf(tarfile.GNU_FORMAT)
    first = packed.make_tar(tmp_path / "x.tar", {"a.jpg": DATA}).read_bytes()[: 512 + len(DATA)]
    (tmp_path / "a.tar").write_bytes(first + header + bytes(1024))
    assert "is no tar" in why(tmp_path / "a.tar")


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_header_that_claims_to_be_huge_takes_no_memory(tmp_path, kind):
    """A hole of gigabytes costs nothing to send."""
    entry, _ = packed.tar_entry("x")
    entry.size, entry.type = 2**33, kind
    with (tmp_path / "a.tar").open("wb") as file:
        file.write(entry.tobuf(tarfile.GNU_FORMAT))
        file.truncate(2**34)
    assert "claims to have" in why(tmp_path / "a.tar")


def test_a_scan_holds_few_members(tmp_path):
    """An archive of millions takes no memory for those that were passed."""
    packed.make_tar(tmp_path / "a.tar", {f"{n}.jpg": b"x" for n in range(50)})

    def held() -> int:
        # What only waits to be collected is not held.
        gc.collect()
        # Objects of other packages may warn when they are asked what they are.
        return sum(type(one) is tarfile.TarInfo for one in gc.get_objects())

    before = held()
    source = ArchiveFile(os.open(tmp_path / "a.tar", os.O_RDONLY))
    for number, _ in enumerate(scan_tar(source)):
        assert number % 10 or held() - before < 5, number


@pytest.mark.parametrize("data", [b"", b"no archive", b"x" * 5000, b"PK\3\4" * 500])
def test_what_is_no_tar_is_told(tmp_path, data):
    """With its name."""
    (tmp_path / "a.tar").write_bytes(data)
    assert why(tmp_path / "a.tar").startswith(f"the archive {tmp_path}/a.tar is no tar: ")


def test_an_empty_tar_has_no_images(tmp_path):
    """It is an archive, and holds nothing."""
    packed.make_tar(tmp_path / "a.tar", {})
    with pytest.raises(SourceError, match=r"no image ending in \.jpg, \.jpeg in "):
        list_images(tmp_path / "a.tar")
