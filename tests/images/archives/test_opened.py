"""Archives that a process has open: looked at each time, confined, and let go of."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import packed
from messages import text_of
from streamcalib.errors import ImageError, ListError
from streamcalib.images import confining
from streamcalib.images.archives import opened
from streamcalib.images.confining import Confines, check_names
from streamcalib.images.listfile import ImageList
from streamcalib.images.probing import probe
from streamcalib.images.reading import read_image, read_source


@pytest.mark.parametrize("kind", packed.MAKERS)
def test_an_archive_that_is_replaced_is_opened_anew(tmp_path, kind):
    """What was known of it is forgotten; stamps tell whether an image changed."""
    path, make = tmp_path / f"a.{kind}", packed.MAKERS[kind]
    make(path, {"a.jpg": b"one", "b.jpg": b"same"})
    entries = [f"{path}::a.jpg", f"{path}::b.jpg"]
    before = [read_source(entry, ()).stamp for entry in entries]
    assert [probe(entry) for entry in entries] == before
    path.unlink()
    make(path, {"a.jpg": b"two", "b.jpg": b"same", "c.jpg": b"three"})
    assert [read_image(entry, ()) for entry in entries] == [b"two", b"same"]
    after = [probe(entry) for entry in entries]
    assert after[0].number != before[0].number
    # Of a tar's members it is not known which of them changed.
    assert (after[1].number == before[1].number) == (kind == "zip")
    path.unlink()
    assert [probe(entry) for entry in entries] == [None, None]
    with pytest.raises(ImageError, match=r"^no such file \(sought as "):
        read_image(entries[0], ())


def test_few_archives_stay_open(tmp_path, monkeypatch):
    """However many a list names."""
    monkeypatch.setattr(opened, "_MOST_OPEN", 3)
    names = [packed.make_tar(tmp_path / f"{n}.tar", {"a": b"%d" % n}) for n in range(10)]

    def is_open() -> int:
        files = Path("/proc/self/fd").iterdir()
        return sum(os.path.realpath(file).startswith(str(tmp_path)) for file in files)

    for _ in range(2):
        assert [read_image(f"{name}::a", ()) for name in names] == [b"%d" % n for n in range(10)]
        assert is_open() <= 3


def test_threads_read_one_archive(tmp_path, monkeypatch):
    """At the same time, and while it is let go of."""
    monkeypatch.setattr(opened, "_MOST_OPEN", 1)
    contents = {f"{n}": bytes([n]) * 70_000 for n in range(16)}
    paths = [packed.make_zip(tmp_path / f"{n}.zip", contents, 8) for n in range(2)]
    wrong: list[str] = []

    def read(start: int) -> None:
        for step in range(60):
            name = str((start + step) % 16)
            if read_image(f"{paths[step % 2]}::{name}", ()) != contents[name]:
                wrong.append(name)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Path.mkdir, "what should be an archive is a folder"),
        (os.mkfifo, "its archive is not a regular file"),
        (Path.touch, "is no zip"),
    ],
)
def test_what_is_no_archive_is_told(tmp_path, make, says):
    """Each in its own words."""
    make(tmp_path / "a.zip")
    with pytest.raises(ImageError) as caught:
        read_image("a.zip::1.jpg", (tmp_path,))
    assert says in text_of(caught.value)


def test_an_archive_is_no_image(tmp_path):
    """A list that names one alone is told what to write."""
    packed.make_tar(tmp_path / "a.tar", {"1.jpg": b"x"})
    with pytest.raises(
        ImageError, match="it is an archive: name an image in it as ARCHIVE::MEMBER"
    ):
        read_image("a.tar", (tmp_path,))


@pytest.fixture
def places(tmp_path, monkeypatch) -> Path:
    """The folder ``inside``, with an archive, and links to one outside."""
    inside = tmp_path / "inside"
    inside.mkdir()
    packed.make_zip(inside / "a.zip", {"1.jpg": b"inside", "../2.jpg": b"two"})
    packed.make_zip(tmp_path / "b.zip", {"1.jpg": b"outside"})
    (inside / "link.zip").symlink_to(tmp_path / "b.zip")
    monkeypatch.chdir(inside)
    return inside


def test_confines_are_about_the_archive(places):
    """Names of members lead nowhere; the archive's own may lead out, and links to it."""
    confines = Confines.of([places])
    entries = ["a.zip::1.jpg", "a.zip::../2.jpg", f"{places}/a.zip::1.jpg", "link.zip::1.jpg"]
    check_names(ImageList(entries, (places,)), confines)
    data = [read_image(entry, (places,), confines=confines) for entry in entries[:3]]
    assert data == [b"inside", b"two", b"inside"]
    with pytest.raises(ImageError) as caught:
        read_image("link.zip::1.jpg", (places,), confines=confines)
    assert text_of(caught.value) == f"it leads outside of {places} (--confine)"
    for entry in ("../b.zip::1.jpg", f"{places.parent}/b.zip::1.jpg"):
        with pytest.raises(ListError, match="--confine: 1 path"):
            check_names(ImageList([entry], (places,)), confines)


def test_an_archive_that_becomes_a_link_is_found_out(places, monkeypatch):
    """Though the link was not there when the path was looked at."""
    real = confining.Confines.holds
    path = places / "a.zip"

    def exchange(self, place):
        held = real(self, place)
        if path.exists() and not path.is_symlink():
            path.unlink()
            path.symlink_to(places.parent / "b.zip")
        return held

    monkeypatch.setattr(confining.Confines, "holds", exchange)
    with pytest.raises(ImageError, match="leads outside"):
        read_image("a.zip::1.jpg", (places,), confines=Confines.of([places]))


def test_urls_are_outside_of_folders(places):
    """Unless the confines are a URL above them."""
    for entry in ("s3://b/1.jpg", "s3://b/a.zip::1.jpg"):
        with pytest.raises(ListError, match="--confine: 1 path"):
            check_names(ImageList([entry], (places,)), Confines.of([places]))
        with pytest.raises(ImageError, match="leads outside"):
            read_image(entry, (places,), confines=Confines.of([places]))
    confines = Confines.of(["s3://b/train/"])
    inside = ["s3://b/train/1.jpg", "s3://b/train/a.zip::../1.jpg", "2.jpg"]
    check_names(ImageList(inside, ("s3://b/train",)), confines)
    for entry in (
        "s3://b/train-2/1.jpg",
        "s3://b/1.jpg",
        "s3://b/train/../1.jpg",
        "../1.jpg",
        "/1",
    ):
        with pytest.raises(ListError, match="outside of s3://b/train"):
            check_names(ImageList([entry], ("s3://b/train",)), confines)
