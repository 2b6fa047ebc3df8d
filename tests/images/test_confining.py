"""Images that must lie inside certain folders: by name, by link, and while both change."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from messages import text_of
from streamcalib.errors import ImageError, ListError
from streamcalib.images import confining
from streamcalib.images.confining import Confines, check_names
from streamcalib.images.listfile import ImageList
from streamcalib.images.reading import read_image


@pytest.fixture
def places(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """The folders ``inside`` and ``outside``, each with an image, the second named almost alike."""
    inside, outside = tmp_path / "inside", tmp_path / "inside-not"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "1.jpg").write_text(folder.name)
    monkeypatch.chdir(inside)
    return inside, outside


def listed(folder: Path, *entries: str, root: Path | None = None) -> ImageList:
    file = folder / "list.txt"
    file.write_text("# a comment\n\n" + "".join(f"{entry}\n" for entry in entries))
    return ImageList.read(file, root=root)


def test_names_inside_pass(places):
    """Paths that stay, absolute ones inside, names with dots, and climbing that comes back."""
    inside, _ = places
    entries = ["1.jpg", "no/such.jpg", "a/../1.jpg", "a..b.jpg", "..jpg", f"{inside}/1.jpg"]
    check_names(listed(inside, *entries), Confines.of([inside]))
    check_names(listed(inside, "/1.jpg", "../1.jpg"), Confines.of(["/"]))
    check_names(ImageList(["a\0/../../b.jpg"], (inside,)), Confines.of([inside]))
    with pytest.raises(ImageError, match="NUL"):
        read_image("a\0b.jpg", (inside,), confines=Confines.of([inside]))


@pytest.mark.parametrize("entry", ["../inside-not/1.jpg", "a/../../1.jpg", "..", "/etc/passwd"])
def test_a_name_that_leads_out_is_told_with_its_line(places, entry):
    """Comments and blank lines count as lines; the folder and the mends are named."""
    inside, _ = places
    images = listed(inside, "1.jpg", entry, root=inside)
    with pytest.raises(ListError) as caught:
        check_names(images, Confines.of(images.bases))
    assert text_of(caught.value, lines=3) == (
        f"--confine: 1 path of {inside}/list.txt leads outside of {inside}:\n  line 4: {entry}\n"
        "Take them off the list, name with --root a folder that holds all images, or leave "
        "--confine out."
    )


def test_the_first_of_many_are_named(places):
    """The rest are counted; a spare has no line, and names are escaped."""
    inside, _ = places
    images = listed(inside, *[f"../{n}\x1b.jpg" for n in range(5)])
    with pytest.raises(ListError, match="5 paths of") as caught:
        check_names(images, Confines.of([inside]))
    assert r"  line 5: ../2\x1b.jpg" in text_of(caught.value, lines=6)
    assert "  and 2 more\n" in str(caught.value)
    spared = ImageList(["1.jpg"], (inside,), spares=["1.jpg", "../2.jpg"])
    with pytest.raises(ListError, match=r"spare 2: \.\./2\.jpg"):
        check_names(spared, Confines.of([inside]))


@pytest.mark.parametrize("change", ["gone", "shorter", "other", "none"])
def test_a_list_without_lines_is_told_by_number(places, change):
    """What was not read from a file, or from one that has changed, has the number of its image."""
    inside, _ = places
    images = listed(inside, "1.jpg", "/etc/passwd")
    file = inside / "list.txt"
    if change == "gone":
        file.unlink()
    elif change == "shorter":
        file.write_text("1.jpg\n")
    elif change == "other":
        file.write_text("1.jpg\n2.jpg\n3.jpg\n")
    else:
        images = ImageList(list(images), images.bases)
    with pytest.raises(ListError, match="image 2: /etc/passwd"):
        check_names(images, Confines.of([inside]))


def test_a_root_that_is_a_link_holds_what_it_leads_to(places, tmp_path):
    """Both its names are inside."""
    inside, _ = places
    link = tmp_path / "link"
    link.symlink_to(inside)
    confines = Confines.of([link])
    images = ImageList(["1.jpg", f"{link}/1.jpg", f"{inside}/1.jpg", f"{link}/../inside/1.jpg"])
    check_names(images, confines)
    for entry in images:
        assert read_image(entry, (link,), confines=confines) == b"inside"


LINKS = {
    "file": ("2.jpg", "../inside-not/1.jpg"),
    "absolute": ("2.jpg", "/etc/passwd"),
    "folder": ("a", "../inside-not"),
    "device": ("2.jpg", "/dev/zero"),
    "chain": ("2.jpg", "3.jpg"),
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_that_leads_out_is_a_bad_image(places, kind):
    """What is behind it is not read, nor is it told whether it is there."""
    inside, outside = places
    name, target = LINKS[kind]
    (inside / name).symlink_to(target)
    (inside / "3.jpg").symlink_to(outside / "1.jpg")
    entry = f"{name}/1.jpg" if kind == "folder" else name
    with pytest.raises(ImageError) as caught:
        read_image(entry, (inside,), confines=Confines.of([inside]))
    assert text_of(caught.value) == f"it leads outside of {inside} (--confine)"


def test_links_inside_are_followed(places):
    """Only where they end counts."""
    inside, _ = places
    (inside / "2.jpg").symlink_to(f"../inside-not/../{inside.name}/1.jpg")
    assert read_image("2.jpg", (inside,), confines=Confines.of([inside])) == b"inside"
    with pytest.raises(ImageError, match="no such file"):
        read_image("none.jpg", (inside,), confines=Confines.of([inside]))


def test_several_folders_confine_together(places):
    """An image may lie in any of them."""
    inside, outside = places
    confines = Confines.of([inside, outside])
    assert read_image("../inside-not/1.jpg", (inside,), confines=confines) == b"inside-not"


@pytest.mark.parametrize("shows_files", [True, False])
def test_a_path_that_is_exchanged_while_it_is_read_does_not_escape(
    places, monkeypatch, shows_files
):
    """A link that leads inside when it is looked at and outside when it is opened is found out."""
    inside, _ = places
    if not shows_files:
        readlink = os.readlink

        def hidden(path, *rest, **named):
            if str(path).startswith("/proc/self/fd"):
                raise FileNotFoundError
            return readlink(path, *rest, **named)

        monkeypatch.setattr(confining.os, "readlink", hidden)
    link = inside / "2.jpg"
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            for target in ("1.jpg", "../inside-not/1.jpg"):
                (inside / "next").symlink_to(target)
                (inside / "next").rename(link)

    link.symlink_to("1.jpg")
    exchanging = threading.Thread(target=exchange)
    exchanging.start()
    found = set()
    try:
        for _ in range(30_000):
            if len(found) > 1:
                break
            try:
                found.add(read_image("2.jpg", (inside,), confines=Confines.of([inside])))
            except ImageError as error:
                found.add(str(error).partition(" of ")[0])
    finally:
        stop.set()
        exchanging.join()
    assert found == {b"inside", "it leads outside"}
