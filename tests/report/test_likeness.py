"""Rows that hold the same picture, and rows that nearly do."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest

import reportsets
from streamcalib import Recipe
from streamcalib.choosing.dedupe.hashing import perceptual_hash
from streamcalib.progress import ignore
from streamcalib.report import likeness as likeness_module
from streamcalib.report.likeness import Likeness, hashes_of, likeness
from streamcalib.report.survey import survey
from streamcalib.report.thumbnails import Thumbnails

LUMA = np.array([0.299, 0.587, 0.114])


def different_bits(one: bytes, other: bytes) -> int:
    """Return in how many bits two pHashes differ."""
    return (int.from_bytes(one[:8]) ^ int.from_bytes(other[:8])).bit_count()


def found(calibration) -> tuple[Likeness, object]:
    rows = frozenset(range(len(calibration)))
    thumbnails = Thumbnails.fitting(len(rows), calibration.recipe)
    seen = survey(calibration, rows, thumbnails, 1, lambda _: None)
    told = likeness(calibration, seen.hashes, ignore)
    seen.mark_likeness(told, calibration)
    return told, seen


@pytest.mark.parametrize("name", ["s.npy", "s.zarr"])
def test_the_same_and_the_nearly_the_same_are_told_apart(tmp_path, name):
    """Equal rows are a group, near ones a pair; different ones, and black ones, neither."""
    one = reportsets.soft(1, 64, 64)
    pictures = {
        "a.png": one,
        "b.png": reportsets.soft(2, 64, 64),
        "same.png": one,
        "near.png": cv2.resize(one, (48, 48), interpolation=cv2.INTER_AREA) // 2 + 40,
        "black.png": reportsets.plain(64, 64, (0, 0, 0)),
        "grey.png": reportsets.plain(64, 64, (99, 99, 99)),
    }
    told, seen = found(reportsets.built(tmp_path, pictures, name, recipe=Recipe.yolo11(64)))
    assert told.repeated == [(0, 2)]
    assert [pair[:2] for pair in told.alike] == [(3, 0)]
    assert told.rows_alike == {0, 3}
    marks = {row.facts.path.rpartition("/")[2]: row.marks for row in seen.shown}
    assert marks["a.png"] == ["repeated", "alike"]
    assert marks["same.png"] == ["repeated"]
    assert marks["near.png"] == ["alike"]
    assert marks["b.png"] == []
    assert seen.marked.counts["repeated"] == 2
    assert seen.paths.keys() == {0, 2, 3}


def test_checksums_alone_prove_nothing(tmp_path):
    """Rows whose recorded checksums are the same by chance are compared byte for byte."""
    pictures = {f"{number}.png": reportsets.soft(number) for number in range(3)}
    calibration = reportsets.built(tmp_path, pictures)
    for record in calibration.manifest.rows:
        record["row_crc32c"] = "00000000"
    hashes = likeness_module.Hashes(np.zeros((3, 3), np.uint64), np.zeros(3, bool))
    assert likeness(calibration, hashes, ignore).repeated == []


def test_a_canvas_has_its_images_hash(photographs):
    """Up to a few bits: it is the same picture, decoded and reduced in another way."""
    hashes = {}
    for name, data in photographs.items():
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        planes = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1))
        hashes[name] = hashes_of(planes, LUMA)
        assert different_bits(hashes[name], perceptual_hash(data)) <= 8
    for one, other in combinations(hashes.values(), 2):
        assert different_bits(one, other) > 16


def test_very_large_sets_are_not_compared_with_themselves(tmp_path, monkeypatch):
    """It would take longer than the rest, and is said."""
    monkeypatch.setattr(likeness_module, "MOST_COMPARED", 2)
    pictures = {f"{number}.png": reportsets.soft(1) for number in range(3)}
    told, _ = found(reportsets.built(tmp_path, pictures))
    assert told.repeated == [(0, 1, 2)]
    assert (told.alike, told.is_compared) == ([], False)
