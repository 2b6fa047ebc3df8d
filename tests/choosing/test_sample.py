"""The seeded random choice and its spares."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import text_of
from streamcalib.choosing.sample import sample
from streamcalib.choosing.strategies import draw
from streamcalib.errors import ListError, SourceError
from streamcalib.images.listfile import ImageList
from streamcalib.images.reading import read_image


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A current folder whose ``train2017`` holds 40 images, 2 of them deeper."""
    folder = tmp_path / "train2017"
    (folder / "more").mkdir(parents=True)
    for number in range(38):
        (folder / f"{number:03d}.jpg").write_bytes(b"%d" % number)
    for name in ("a.jpg", "B.JPEG"):
        (folder / "more" / name).write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    return folder


def by_hand(folder, count, seed, spares):
    """Choose as the rule says, in the words of the standard library."""
    paths = sorted(path.as_posix() for path in folder.rglob("*.[jJ]*"))
    generator = random.Random(seed)
    chosen = generator.sample(paths, count)
    rest = sorted(set(paths) - set(chosen))
    return chosen, generator.sample(rest, spares)


@pytest.mark.parametrize("seed", [0, 42, -7, 2**70])
@pytest.mark.parametrize(("count", "spares"), [(1, 10), (10, 10), (30, 10), (35, 5), (40, 0)])
def test_the_choice_is_the_standard_librarys(photos, count, spares, seed):
    """The list is ``random.Random(seed).sample(sorted(paths), count)``, spares its next sample."""
    chosen, kept = by_hand(photos, count, seed, spares)
    images = sample("train2017", count, seed=seed, absolute=True)
    assert list(images) == chosen
    assert list(images.spares) == kept


def test_the_choice_never_changes(photos):
    """These entries were written once, and every version gives them again."""
    images = sample("train2017", 5, spares=3)
    names = ["007.jpg", "001.jpg", "017.jpg", "015.jpg", "014.jpg"]
    spares = ["010.jpg", "008.jpg", "more/a.jpg"]
    assert list(images) == [f"train2017/{name}" for name in names]
    assert list(images.spares) == [f"train2017/{name}" for name in spares]


def test_coco_positions_of_seed_42():
    """Of 118,287 sorted names seed 42 draws these first, in Python's documented sequence."""
    names = [f"{number:06d}" for number in range(118_287)]
    chosen, _ = draw(names, 100, 42, 0)
    assert [int(name) for name in chosen] == random.Random(42).sample(range(118_287), 100)
    assert chosen[:4] == ["083810", "014592", "003278", "097196"]


@given(
    st.sets(st.text("ab/.", min_size=1, max_size=6), min_size=1, max_size=40),
    st.integers(),
    st.data(),
)
def test_spares_are_further_images(paths, seed, data):
    """Chosen and spares are distinct, disjoint, of the population, and the same every time."""
    population = sorted(paths)
    count = data.draw(st.integers(1, len(population)))
    spares = data.draw(st.integers(0, 50))
    chosen, kept = draw(population, count, seed, spares)
    assert len(chosen) == count
    assert len(kept) == min(spares, len(population) - count)
    assert len({*chosen, *kept}) == len(chosen) + len(kept)
    assert {*chosen, *kept} <= paths
    assert draw(population, count, seed, spares) == (chosen, kept)


@pytest.mark.parametrize(
    ("population", "count", "expected"), [(500, 300, 30), (500, 100, 10), (105, 100, 5), (9, 9, 0)]
)
def test_a_tenth_is_kept_as_spares(tmp_path, population, count, expected):
    """By default spares are a tenth of the count, at least 10, and at most what is left."""
    for number in range(population):
        (tmp_path / f"{number}.jpg").touch()
    assert len(sample(tmp_path, count).spares) == expected


def test_no_spares_are_kept_if_none_are_wanted(photos):
    """``spares=0`` keeps none, and changes nothing about the choice."""
    assert len(sample("train2017", 5, spares=0).spares) == 0
    assert list(sample("train2017", 5, spares=0)) == list(sample("train2017", 5, spares=20))


@pytest.mark.parametrize("make", ["folder", "glob", "list"])
def test_every_kind_of_source_gives_the_same_choice(photos, make):
    """The same images, come by as a folder, a glob or a list, give the same list."""
    source = {"folder": "train2017", "glob": "train2017/**/*.[jJ]*", "list": "all.txt"}[make]
    entries = [path.relative_to(photos.parent) for path in photos.rglob("*.[jJ]*")]
    random.Random(1).shuffle(entries)
    Path("all.txt").write_text("".join(f"{entry}\n" for entry in entries))
    images = sample(source, 7)
    assert list(images) == list(sample(photos, 7))
    assert images.provenance["source_kind"] == make


def test_paths_are_relative_to_the_current_folder(photos, monkeypatch):
    """The default is what a person standing here would type."""
    (photos.parent / "work").mkdir()
    monkeypatch.chdir(photos.parent / "work")
    images = sample("../train2017", 40)
    assert all(entry.startswith("../train2017/") for entry in (*images, *images.spares))
    assert all(Path(entry).is_file() for entry in images)


def test_paths_are_relative_to_the_folder_asked_for(photos):
    """With ``relative_to``, entries start there, and resolve from there."""
    images = sample("train2017", 40, relative_to="train2017")
    assert {"000.jpg", "more/a.jpg"} <= set(images)
    assert read_image(images[0], images.bases) == Path("train2017", images[0]).read_bytes()


def test_paths_are_absolute_if_asked(photos, monkeypatch):
    """With ``absolute``, entries hold wherever they are read, spares too."""
    images = sample("train2017", 5, absolute=True)
    monkeypatch.chdir("/")
    assert all(Path(entry).is_file() for entry in (*images, *images.spares))
    assert all(Path(entry).is_absolute() for entry in (*images, *images.spares))


@pytest.mark.parametrize("relative_to", ["link", "link/../deep", "deep/../link"])
@pytest.mark.parametrize("source", ["train2017", "link/inside"])
def test_paths_relative_to_a_linked_folder_lead_to_the_images(tmp_path, relative_to, source):
    """The way up from a linked folder begins at its target; entries written there must hold."""
    (tmp_path / "disk/deep/inside").mkdir(parents=True)
    (tmp_path / "disk/deep/inside/1.jpg").write_bytes(b"inside")
    (tmp_path / "train2017").mkdir()
    (tmp_path / "train2017/1.jpg").write_bytes(b"train2017")
    (tmp_path / "deep").mkdir()
    (tmp_path / "link").symlink_to("disk/deep")
    images = sample(tmp_path / source, 1, relative_to=tmp_path / relative_to)
    sample_of = Path(source).name.encode()
    assert read_image(images[0], (tmp_path / relative_to,)) == sample_of
    assert read_image(images[0], images.bases) == sample_of


def test_where_a_list_comes_from_is_kept(photos):
    """Provenance holds what it takes to choose again."""
    images = sample("train2017", 4, seed=7, extensions=("jpg",), relative_to="train2017")
    facts = images.provenance
    assert facts["rule"] == "random.Random(seed).sample(sorted(paths), count)"
    expected = {
        "source": "train2017",
        "source_kind": "folder",
        "seed": 7,
        "count": 4,
        "population": 39,
        "duplicates_dropped": 0,
        "extensions": ["jpg"],
        "relative_to": str(photos),
    }
    assert expected.items() <= facts.items()


def test_names_that_look_like_comments_stay_images(tmp_path, monkeypatch):
    """A file named ``#1.jpg`` is written so that the list still means it."""
    (tmp_path / "#1.jpg").write_bytes(b"one")
    (tmp_path / " ").mkdir()
    monkeypatch.chdir(tmp_path)
    sample(".", 1).write("list.txt")
    images = ImageList.read("list.txt")
    assert read_image(images[0], images.bases) == b"one"


def test_a_chosen_name_with_a_line_break_is_refused(tmp_path):
    """Such a file cannot be listed; the message shows its name escaped."""
    (tmp_path / "a\n\x1b.jpg").touch()
    with pytest.raises(ListError) as caught:
        sample(tmp_path, 1)
    assert r"a\n\x1b.jpg" in text_of(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"count": 0}, "--count must be at least 1, not 0"),
        ({"count": -3}, "--count must be at least 1, not -3"),
        ({"count": 41}, "--count asks for 41 images, but train2017 holds 40"),
        ({"count": 1, "spares": -1}, "--spares must be at least 0, not -1"),
        ({"count": 1, "relative_to": "no\x1bwhere"}, r"--relative-to no\x1bwhere is not a folder"),
        ({"count": 1, "relative_to": "x" * 300}, "--relative-to xxx"),
    ],
)
def test_what_cannot_be_chosen_is_refused(photos, arguments, says):
    """The message names the option and the value."""
    with pytest.raises(ListError) as caught:
        sample("train2017", **arguments)
    assert says in text_of(caught.value)


def test_a_missing_source_is_refused(photos):
    """What is wrong with a source is told by the listing."""
    with pytest.raises(SourceError, match="does not exist"):
        sample("train2018", 1)
