"""Which images workers were at, and which of them end a process."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing

import pytest

from messages import text_of
from streamcalib.errors import StoppedError
from streamcalib.workers.suspects import Suspects, killers, mark_in, named


def end_if_odd(question):
    """Leave this process if the question is odd."""
    if question % 2:
        os._exit(3)
    return question


def test_what_workers_are_at_is_known_once():
    """It is forgotten as it is taken; the folder goes with the pass."""
    with Suspects() as suspects:
        folder = suspects.folder
        assert suspects.take() == []
        with closing(mark_in(folder, os.getpid())) as mark:
            mark.at(5)
            mark.at(7)
        assert suspects.take() == [7]
        assert suspects.take() == []
        with closing(mark_in(folder, os.getpid())) as mark:
            mark.at(9)
            mark.at_none()
        assert suspects.take() == []
    assert not folder.exists()


def test_each_suspect_is_tried_alone():
    """Only those that end their process are to blame."""
    found = killers([10, 11, 12, 13], end_if_odd, lambda number: number)
    assert found == dict.fromkeys((11, 13), "it ended its worker: exit code 3")
    assert killers([], end_if_odd, lambda number: number) == {}


def test_where_workers_were_is_said_in_few_names():
    """Whatever their characters."""
    assert named([]) == ""
    assert named(["a\x1b.jpg"]) == r" At work then: a\x1b.jpg; alone, none of them does harm."
    assert "0, 1, 2, 3 and 5 more;" in named([str(number) for number in range(9)])


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    """By parent and worker."""
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StoppedError) as caught:
        mark_in(file, os.getpid())
    assert "a temporary file cannot be written" in text_of(caught.value)
    monkeypatch.setattr(tempfile, "tempdir", str(file))
    with pytest.raises(StoppedError) as caught, Suspects():
        pass
    assert "TMPDIR" in text_of(caught.value)
