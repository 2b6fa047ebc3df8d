"""Populations without their near-duplicates, and lists chosen from them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from messages import text_of
from streamcalib.choosing.dedupe.distinct import Dedupe
from streamcalib.choosing.sample import sample
from streamcalib.errors import InputError, ListError
from streamcalib.photographs import photograph


@pytest.fixture
def pool(tmp_path, monkeypatch):
    """A folder of ten photographs, three of them twice, and one bad image."""
    folder = tmp_path / "pool"
    folder.mkdir()
    for number in range(10):
        image = photograph(120, 160, np.random.default_rng(number))
        cv2.imwrite(str(folder / f"{number}.jpg"), image)
        if number < 3:
            smaller = cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(folder / f"{number}-small.jpg"), smaller)
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    monkeypatch.chdir(tmp_path)
    return folder


def test_copies_are_left_out(pool):
    """The first of each in sorted order stays, and so do bad images."""
    population = sorted(str(path) for path in pool.iterdir())
    distinct = Dedupe(jobs=1).distinct(population)
    gone = {path for path in population if path.endswith("/0.jpg")} | {
        str(pool / "1.jpg"),
        str(pool / "2.jpg"),
    }
    # "0-small.jpg" comes before "0.jpg".
    assert set(population) - set(distinct.paths) == gone
    assert distinct.paths == sorted(distinct.paths)
    assert (distinct.left_out, distinct.unread) == (3, 1)


def test_the_choice_is_one_of_what_is_left(pool):
    """With the random rule: as if the others were not there; the side file says what was not."""
    images = sample("pool", 5, dedupe=Dedupe(jobs=1))
    for number in range(3):
        (pool / f"{number}.jpg").unlink()
    assert list(images) == list(sample("pool", 5))
    written = images.write("list.txt")
    facts = json.loads(Path("list.txt.json").read_text())["dedupe"]
    assert (facts["left_out"], facts["unread"], facts["distance"]) == (3, 1, 10)
    pairs = [(pair["left_out"], pair["kept"]) for pair in facts["pairs"]]
    assert pairs == [(f"pool/{n}.jpg", f"pool/{n}-small.jpg") for n in range(3)]
    assert all(0 <= pair["distance"] <= 10 for pair in facts["pairs"])
    assert written.provenance["dedupe"] == facts


def test_workers_change_nothing(pool):
    """One or two."""
    lists = [sample("pool", 8, dedupe=Dedupe(jobs=jobs)) for jobs in (1, 2)]
    assert list(lists[0]) == list(lists[1])
    assert lists[0].provenance == lists[1].provenance


def test_more_than_is_left_cannot_be_chosen(pool):
    """The message says how many there are with copies, and without."""
    with pytest.raises(ListError) as caught:
        sample("pool", 12, dedupe=Dedupe(jobs=1))
    assert "asks for 12 images, but without near-duplicates 11 of 14 are left" in text_of(
        caught.value
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"distance": -1}, "--dedupe-distance must be 0 to 32 bits, not -1"),
        ({"distance": 33}, "--dedupe-distance must be 0 to 32 bits, not 33"),
        ({"jobs": 0}, "--jobs must be at least 1, not 0"),
    ],
)
def test_what_makes_no_sense_is_refused(options, says):
    """With the option and the value."""
    with pytest.raises(InputError) as caught:
        Dedupe(**options)
    assert says in text_of(caught.value)


def test_hashes_are_kept_where_it_is_said(pool, tmp_path, monkeypatch):
    """And by default in the user's own folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    sample("pool", 3, dedupe=Dedupe(jobs=1, cache="said/.streamcalib"))
    assert Path("said/.streamcalib/hashes-1.sqlite").exists()
    assert not Path("home").exists()
    sample("pool", 3, dedupe=Dedupe(jobs=1))
    assert Path("home/streamcalib/hashes-1.sqlite").exists()
