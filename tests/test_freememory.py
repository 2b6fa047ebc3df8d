"""Memory that is free."""

from __future__ import annotations

import psutil
import pytest

from streamcalib import freememory


def test_it_is_what_others_say():
    """Within what changes meanwhile."""
    found = freememory.available_bytes()
    assert found is not None
    assert 0.3 < found / psutil.virtual_memory().available < 3


@pytest.mark.parametrize("text", ["", "MemTotal: 5 kB\n", "MemAvailable: x kB\n", "what?"])
def test_where_nobody_tells(tmp_path, monkeypatch, text):
    """Another system, or another file than Linux has."""
    monkeypatch.setattr(freememory, "_MEMINFO", tmp_path / "meminfo")
    assert freememory.available_bytes() is None
    (tmp_path / "meminfo").write_text(text)
    assert freememory.available_bytes() is None
