"""What entries name: files, members of archives, objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamcalib.images.listfile import ImageList
from streamcalib.images.places import Place, absolute_place, extracted, is_url, normal_member
from streamcalib.images.resolving import candidates, entry_of, resolve


@pytest.mark.parametrize(
    ("entry", "location", "member"),
    [
        ("a.jpg", "a.jpg", None),
        ("train2017.zip::train2017/1.jpg", "train2017.zip", "train2017/1.jpg"),
        ("/data/A.ZIP::1.jpg", "/data/A.ZIP", "1.jpg"),
        ("shard.Tar::a::b.jpg", "shard.Tar", "a::b.jpg"),
        ("s3://bucket/a.tar::1.jpg", "s3://bucket/a.tar", "1.jpg"),
        ("a::b.jpg", "a::b.jpg", None),
        ("a::b.zip::c.jpg", "a::b.zip::c.jpg", None),
        ("a.zipped::b.jpg", "a.zipped::b.jpg", None),
        ("a.zip:b.jpg", "a.zip:b.jpg", None),
        ("a.zip::", "a.zip", ""),
    ],
)
def test_only_what_follows_an_archive_is_a_member(entry, location, member):
    """The part before the first ``::`` must end as an archive does; the parts make the whole."""
    place = Place.of(entry)
    assert place == (location, member)
    assert str(place) == entry


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("s3://b/k", True),
        ("S3://b", True),
        ("x-y.z+1://", True),
        ("a/s3://b", False),
        ("s3:/b", False),
        ("://b", False),
        ("1s://b", False),
    ],
)
def test_urls_begin_with_a_scheme(text, is_one):
    """A path may hold the same characters elsewhere."""
    assert is_url(text) == is_one


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("./a/./b//c.jpg", "a/b/c.jpg"),
        ("/etc/passwd", "etc/passwd"),
        ("../a", "../a"),
        (".a/b", ".a/b"),
        ("a/.b", "a/.b"),
        ("a/", "a"),
        (".", ""),
        ("", ""),
    ],
)
def test_members_have_the_names_of_extraction(name, normal):
    """But nothing climbs: two dots stay."""
    assert normal_member(name) == normal
    assert normal_member(normal) == normal


def test_archives_are_sought_where_paths_are(tmp_path):
    """What stands before ``::`` is resolved against the bases; the first that is there wins."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (second / "a.zip").touch()
    bases = (first, second)
    assert resolve("a.zip::1.jpg", bases) == f"{second}/a.zip::1.jpg"
    assert resolve("b.zip::1.jpg", bases) == f"{first}/b.zip::1.jpg"
    assert candidates("s3://b/1.jpg", bases) == ["s3://b/1.jpg"]
    assert candidates("/x/a.zip::/y", bases) == ["/x/a.zip::/y"]
    assert candidates("a.jpg", ("s3://b/train/",)) == ["s3://b/train/a.jpg"]


def test_paths_are_made_absolute_and_members_are_not(tmp_path, monkeypatch):
    """What climbs in a member's name, or in a URL, stays as it is."""
    monkeypatch.chdir(tmp_path)
    assert absolute_place("x/../a.zip::x/../1.jpg") == f"{tmp_path}/a.zip::x/../1.jpg"
    assert absolute_place("s3://b/x/../1.jpg") == "s3://b/x/../1.jpg"
    assert absolute_place("file:///x/../1.jpg") == "/1.jpg"


def test_lists_of_paths_keep_members_and_urls():
    """A path is tidied; what it is about is not."""
    entries = [Path("a/1.jpg"), "b//2.jpg", "c//x.zip::d//3.jpg", "s3://b//4.jpg"]
    expected = ["a/1.jpg", "b/2.jpg", "c/x.zip::d//3.jpg", "s3://b//4.jpg"]
    assert list(ImageList.of(entries)) == expected
    assert [entry_of(entry) for entry in expected] == expected


def test_members_are_where_extraction_would_put_them():
    """Into the folder that the archive lies in."""
    assert extracted("/data/train2017.zip::train2017/1.jpg") == "/data/train2017/1.jpg"
    assert extracted("s3://b/x/a.tar::./1.jpg") == "s3://b/x/1.jpg"
    assert extracted("a.zip::1.jpg") == "1.jpg"
    assert extracted("/data/1.jpg") == "/data/1.jpg"
