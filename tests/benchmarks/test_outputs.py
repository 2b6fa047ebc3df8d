"""Room on disk."""

from __future__ import annotations

import pytest

from benchmarks.outputs import fitting_rows, output_folder


def failing_turn(settings):
    with output_folder(settings) as folder:
        assert not list(folder.iterdir())
        raise ValueError("turn")


def test_an_output_is_gone_after_its_turn(settings):
    """Also if the turn fails, and if the one before was killed."""
    with output_folder(settings) as folder:
        (folder / "left").write_bytes(b"x")
    assert not folder.exists()
    folder.mkdir()
    (folder / "left").write_bytes(b"x")
    with pytest.raises(ValueError, match="turn"):
        failing_turn(settings)
    assert not folder.exists()


def test_rows_that_do_not_fit_are_left_out_and_told(settings):
    """Rather than that the run fails."""
    told: list[str] = []
    assert fitting_rows(settings, 10, 1000, told.append) == 10
    assert told == []
    fewer = fitting_rows(settings, 10**9, 10**6, told.append)
    assert 1 <= fewer < 10**9
    assert len(told) == 1
    assert f"{fewer} of {10**9} rows" in told[0]
