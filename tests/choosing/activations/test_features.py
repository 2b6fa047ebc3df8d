"""Numbers to choose by, in a temporary file."""

from __future__ import annotations

import errno
import os
import resource
import tempfile

import pytest

from messages import text_of
from pools import write_pool
from streamcalib.choosing.activations.cache import Observations
from streamcalib.choosing.activations.features import (
    EDGES,
    features_of,
    largest,
    merge,
    octaves,
)
from streamcalib.choosing.activations.measuring import Measuring, measure
from streamcalib.errors import StoppedError
from yolo_like import write_yolo_like

IMAGES = 64


@pytest.fixture
def observed(tmp_path):
    """What is observed of pictures."""
    places = write_pool(tmp_path / "pool", 4) * (IMAGES // 4)
    measuring = Measuring.of(write_yolo_like(tmp_path / "m.onnx", 64))
    tensors = len(measuring.observed.tensors)
    with Observations(measuring.key, tensors, kept=False) as observations:
        measure(measuring, places, observations, jobs=1)
        merged = merge(observations, places, octaves(largest(observations, places)))
        yield observations, places, merged


def test_space_is_taken_before_anything_is_written(observed, tmp_path, monkeypatch):
    """All of it: a full disk would kill the process that writes into a map."""
    observations, places, merged = observed
    file = tmp_path / "shares"
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: file.open("w+b"))
    observations.forget(places[0])
    with pytest.raises(StoppedError, match="damaged in the cache"):
        features_of(observations, places, merged)
    size = IMAGES * len(merged.tops) * EDGES * 2
    assert file.stat().st_size == size
    assert file.stat().st_blocks * 512 >= size


def test_no_space_is_told(observed):
    """With how to mend it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        with pytest.raises(StoppedError) as caught:
            features_of(*observed)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.strerror(errno.EFBIG) in text_of(caught.value)
    assert "set TMPDIR" in text_of(caught.value)


def test_no_folder_for_it_is_told(observed, tmp_path, monkeypatch):
    """In the same words."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(StoppedError, match="set TMPDIR"):
        features_of(*observed)
