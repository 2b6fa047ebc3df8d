"""Archives as sources: the same choice as from their extracted folders."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

import packed
from messages import text_of
from streamcalib.choosing.sample import sample
from streamcalib.errors import SourceError
from streamcalib.images.listing import list_images

NAMES = ("b/2.jpg", "a.jpg", "B.JPG", "b.jpeg", "b-.jpg", "b.jpg", "ä.jpg", "b/c/3.jpg", "é-1.jpg")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The folder ``train2017`` with images, and what is none."""
    monkeypatch.chdir(tmp_path)
    for name in (*NAMES, "x.png", ".hidden/1.jpg", "b/._2.jpg", "notes.txt"):
        path = Path("train2017", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return Path("train2017")


@pytest.mark.parametrize("kind", packed.MAKERS)
@pytest.mark.parametrize("seed", range(5))
def test_an_archive_gives_the_same_choice_as_its_folder(folder, kind, seed):
    """Entry for entry, in order, spares too, whatever the order inside the archive."""
    archive = packed.pack_folder(folder, Path(f"train2017.{kind}"))
    of_folder, of_archive = (sample(source, 4, seed=seed) for source in (folder, archive))
    for field in ("paths", "spares"):
        expected = [f"{archive}::{path}" for path in getattr(of_folder, field)]
        assert list(getattr(of_archive, field)) == expected
    facts = of_archive.provenance
    assert (facts["source_kind"], facts["population"]) == (kind, len(NAMES))


def test_extraction_itself_agrees(folder, tmp_path):
    """With Python's own, for names that are odd inside the archive."""
    names = ("./a.jpg", "x//b.jpg", "/c.jpg", "x/./d.jpg", "x/e.jpg")
    for kind, make in packed.MAKERS.items():
        archive = make(tmp_path / f"odd.{kind}", {name: name.encode() for name in names})
        (tmp_path / kind).mkdir()
        moved = archive.rename(tmp_path / kind / archive.name)
        if kind == "zip":
            zipfile.ZipFile(moved).extractall(tmp_path / kind)
        else:
            with tarfile.open(moved) as opened:
                opened.extractall(tmp_path / kind, filter="data")
        listed = [path.replace(f"odd.{kind}::", "") for path in list_images(moved).paths]
        assert listed == list_images(tmp_path / kind).paths


def test_what_other_systems_leave_in_archives_is_passed_over(tmp_path):
    """Resource forks, hidden folders, and folders of their own."""
    names = ("__MACOSX/._1.jpg", "__MACOSX/2.jpg", ".a/3.jpg", "a/.b/4.jpg", "a.jpg/", "a/5.jpg")
    for kind, make in packed.MAKERS.items():
        archive = make(tmp_path / f"a.{kind}", dict.fromkeys(names, b""))
        assert list_images(archive).paths == [f"{archive}::a/5.jpg"]


def test_endings_are_those_of_folders(tmp_path):
    """JPEGs unless others are asked for."""
    archive = packed.make_zip(tmp_path / "a.zip", dict.fromkeys(("1.jpg", "2.PNG", "3.txt"), b""))
    assert list_images(archive).paths == [f"{archive}::1.jpg"]
    assert list_images(archive, ["png"]).paths == [f"{archive}::2.PNG"]
    with pytest.raises(SourceError) as caught:
        list_images(archive, ["gif"])
    assert text_of(caught.value) == f"no image ending in .gif in {archive}: does it need --ext?"


@pytest.fixture
def shards(tmp_path, monkeypatch) -> list[Path]:
    """Three tars that share a name, as WebDataset's do, with labels beside images."""
    monkeypatch.chdir(tmp_path)
    Path("shards").mkdir()
    made = []
    for number in range(3):
        names = (f"{number}b.jpg", "same.jpg", f"{2 - number}a.jpg")
        contents = {n: f"{number} {n}".encode() for name in names for n in (name, f"{name}.cls")}
        made.append(packed.make_tar(Path("shards", f"s-{number:03d}.tar"), contents))
    return made


EXPECTED = [
    "s-002.tar::0a.jpg",
    "s-000.tar::0b.jpg",
    "s-001.tar::1a.jpg",
    "s-001.tar::1b.jpg",
    "s-000.tar::2a.jpg",
    "s-002.tar::2b.jpg",
    "s-000.tar::same.jpg",
    "s-001.tar::same.jpg",
    "s-002.tar::same.jpg",
]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("shards/s-{000..002}.tar", "tar"),
        ("shards/*.tar", "glob"),
        ("shards/*", "glob"),
        ("all.txt", "list"),
    ],
)
def test_shards_are_one_source(shards, tmp_path, source, kind):
    """Sorted by where members would be, then by archive; those of one name stay apart."""
    Path("all.txt").write_text("".join(f"{shard}\n" for shard in shards))
    population = list_images(source)
    assert population.paths == [f"{tmp_path}/shards/{entry}" for entry in EXPECTED]
    assert (population.kind, population.duplicates) == (kind, 0)


def test_a_list_may_name_images_members_and_archives(shards, tmp_path):
    """Together, each once; members need not exist, as files need not."""
    entries = ("a.jpg", "shards/s-000.tar", "shards/s-000.tar::same.jpg", "x.zip::no.jpg")
    Path("all.txt").write_text("\n".join(entries))
    population = list_images("all.txt")
    assert [path.removeprefix(f"{tmp_path}/") for path in population.paths] == [
        "a.jpg",
        "x.zip::no.jpg",
        *(f"shards/s-000.tar::{name}" for name in ("0b.jpg", "2a.jpg", "same.jpg")),
    ]
    assert population.duplicates == 1


def test_a_glob_over_images_and_archives(shards, tmp_path):
    """Endings are asked of images, and of members."""
    Path("shards/0.jpg").touch()
    Path("shards/1.png").touch()
    paths = list_images("shards/*", ["jpg"]).paths
    assert paths == [f"{tmp_path}/shards/{entry}" for entry in ("0.jpg", *EXPECTED)]


@pytest.mark.parametrize("relative_to", [None, "shards"])
def test_paths_of_archives_are_written_as_paths_are(shards, tmp_path, relative_to):
    """Relative to the current folder, or to another one, or absolute."""
    chosen = sample("shards/*.tar", 9, relative_to=relative_to)
    prefix = "" if relative_to else "shards/"
    assert sorted(chosen.paths) == sorted(prefix + entry for entry in EXPECTED)
    absolute = sample("shards/*.tar", 9, absolute=True)
    assert sorted(absolute.paths) == sorted(f"{tmp_path}/shards/{entry}" for entry in EXPECTED)


def test_a_missing_shard_is_named(shards):
    """Nothing is chosen from the others."""
    with pytest.raises(SourceError) as caught:
        list_images("shards/s-{000..004}.tar")
    assert "shards/s-003.tar does not exist" in text_of(caught.value)
    with pytest.raises(SourceError, match=r"must end in \.zip or \.tar"):
        list_images("shards/{000..004}.jpg")


def test_a_folder_of_archives_says_how_to_take_them(shards, tmp_path):
    """It is not descended into them, but the command is told."""
    with pytest.raises(SourceError) as caught:
        list_images("shards")
    message = text_of(caught.value)
    assert message.startswith("no image ending in .jpg, .jpeg under shards, but there are archives")
    assert f"{tmp_path}/shards/*.tar" in message
    Path("shards/1.jpg").touch()
    assert list_images("shards").paths == [f"{tmp_path}/shards/1.jpg"]


def test_a_file_that_would_be_taken_for_a_member_is_refused(tmp_path):
    """Its name would mean another image in a list."""
    (tmp_path / "a.zip::b.jpg").touch()
    for source in (tmp_path, f"{tmp_path}/*.jpg"):
        with pytest.raises(SourceError) as caught:
            list_images(source)
        assert "would be taken for that of an archive's member" in text_of(caught.value)


def test_damaged_archives_are_no_source(tmp_path):
    """They are named, with what is wrong."""
    (tmp_path / "a\x1b.zip").write_bytes(b"x")
    with pytest.raises(SourceError) as caught:
        list_images(tmp_path / "a\x1b.zip")
    assert r"a\x1b.zip is no zip" in text_of(caught.value)
