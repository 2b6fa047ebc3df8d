"""Images to measure with: made once, the same ever after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2

import smallsets
from benchmarks.corpus import photographs, small_images


def test_photographs_are_made_once_and_are_all_different(settings):
    """A second run finds them; a larger one adds to them."""
    first = photographs(settings)
    before = smallsets.contents(settings.scratch)
    assert len({Path(path).read_bytes() for path in first.paths}) == settings.photographs
    assert photographs(settings).paths == first.paths
    assert smallsets.contents(settings.scratch) == before
    more = photographs(replace(settings, photographs=20))
    assert more.paths[:8] == first.paths
    assert len(set(more.paths)) == 20
    assert first.facts()["images"] == 8
    assert 50_000 < first.facts()["mean_bytes"] < 400_000


def test_a_folder_is_taken_instead(settings, little):
    """No photograph is made then."""
    every = replace(settings, images=little[0].parent, photographs=1000)
    corpus = photographs(every)
    assert list(corpus.paths) == [str(path) for path in little]
    assert not (settings.scratch / "photographs").exists()


def test_a_list_starts_again_where_images_are_fewer(settings, little):
    """So that any number of rows can be measured."""
    corpus = photographs(replace(settings, images=little[0].parent))
    lines = corpus.listed(30).read_text().splitlines()
    assert lines == (list(corpus.paths) * 4)[:30]


def test_small_images_are_64x64(settings):
    """All of them, and different."""
    corpus = small_images(settings)
    assert len(corpus.paths) == settings.small_distinct
    assert {cv2.imread(path).shape for path in corpus.paths} == {(64, 64, 3)}
    assert len({Path(path).read_bytes() for path in corpus.paths}) == settings.small_distinct
