"""The ceiling of decoding."""

from __future__ import annotations

import cv2
import pytest

from benchmarks import decoding
from benchmarks.children import run_child


@pytest.mark.parametrize("threads", [1, 2])
def test_every_row_of_the_list_is_decoded(listed, threads):
    """In every pass, in a child."""
    turn = run_child("decode", list_file=listed, threads=threads, passes=3)
    assert (turn["rows"], turn["distinct"], len(turn["passes"])) == (12, 12, 3)
    assert turn["seconds"] == min(turn["passes"])
    assert turn["rate"] == pytest.approx(12 / turn["seconds"])


def test_memory_holds_so_many_files_and_no_more(little):
    """At least one, and each once."""
    paths = [str(path) for path in little]
    assert len(decoding.held_files(paths * 2)) == 12
    assert len(decoding.held_files(paths, limit_bytes=1)) == 1
    assert decoding.held_files(paths) == [path.read_bytes() for path in little]


def test_all_pixels_come_out(little, monkeypatch):
    """The bare loop decodes what it is given, not a header."""
    shapes = []
    decode = decoding.simplejpeg.decode_jpeg
    monkeypatch.setattr(
        decoding.simplejpeg,
        "decode_jpeg",
        lambda *a, **k: shapes.append(decode(*a, **k).shape),
    )
    files = decoding.held_files([str(path) for path in little])
    decoding._pass(files, 1, 3 * 64 * 64)
    assert shapes == [cv2.imread(str(path)).shape for path in little]
