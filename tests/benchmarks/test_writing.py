"""The ceiling of writing."""

from __future__ import annotations

import pytest

from benchmarks import writing


@pytest.mark.parametrize(("rows", "jobs"), [(1, 2), (77, 1), (77, 2), (64, 3)])
def test_every_row_is_written(tmp_path, rows, jobs):
    """The file is all rows, and no hole is left."""
    turn = writing.work(str(tmp_path / "rows.bin"), rows, 5000, jobs)
    data = (tmp_path / "rows.bin").read_bytes()
    assert turn["rows"] == rows
    assert data == data[:5000] * rows
    assert len(set(data[:5000])) == 256
