"""Lists for other places are found out, whatever their entries name."""

from __future__ import annotations

import pytest

import packed
from messages import text_of
from streamcalib.errors import ListError
from streamcalib.images.archives import opened
from streamcalib.images.listfile import ImageList


def refused(*entries: str, base, lines: int) -> str:
    with pytest.raises(ListError) as caught:
        ImageList(entries, (base,)).check_present()
    return text_of(caught.value, lines)


@pytest.mark.parametrize("kind", packed.MAKERS)
def test_one_member_is_enough(tmp_path, kind):
    """Though it is the last, and its archive the second."""
    packed.MAKERS[kind](tmp_path / f"a.{kind}", {"1.jpg": b"x"})
    entries = [f"b.{kind}::{n}.jpg" for n in range(5)] + [f"a.{kind}::{n}.jpg" for n in (3, 2, 1)]
    ImageList(entries, (tmp_path,)).check_present()
    said = refused(*entries[:-1], base=tmp_path, lines=3)
    assert said.startswith("none of the first 7 images of the list is there")
    assert f"  {tmp_path}/b.{kind}::0.jpg" in said


def test_a_missing_archive_is_looked_for_once(tmp_path, monkeypatch):
    """It decides for all of its members."""
    looked = []

    def open_archive(path, confines=None):
        looked.append(path)
        raise FileNotFoundError(path)

    monkeypatch.setattr(opened, "open_archive", open_archive)
    refused(*[f"a.zip::{n}.jpg" for n in range(900)], base=tmp_path, lines=3)
    assert looked == [f"{tmp_path}/a.zip"]


def test_a_damaged_archive_is_told(tmp_path):
    """With what is wrong, once."""
    (tmp_path / "a.zip").write_bytes(b"x")
    said = refused("a.zip::1.jpg", "a.zip::2.jpg", base=tmp_path, lines=4)
    assert said.splitlines()[2].startswith(f"the archive {tmp_path}/a.zip is no zip: ")


def test_an_archive_in_a_file_is_none(tmp_path):
    """A path through a file leads nowhere."""
    (tmp_path / "file").touch()
    assert "file/a.zip" in refused("file/a.zip::1.jpg", base=tmp_path, lines=3)
