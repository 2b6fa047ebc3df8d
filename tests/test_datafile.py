"""Files from outside: no other kind of file, no more than a limit, no odd JSON."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.datafile import open_data, parse_json, read_data, to_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_is_written_is_read(value):
    """JSON comes back as it was, and no character of it plays with a terminal."""
    text = to_json(value)
    assert parse_json(text) == value
    assert parse_json(text.encode()) == value
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 100_000, "nested more than 100 deep"),
        ('{"a":' * 100_000, "nested more than 100 deep"),
        ("[" * 101 + "]" * 101, "nested more than 100 deep"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' stands in it twice"),
        ('{"a\\u001b": 1, "a\\u001b": 1}', r"'a\\x1b' stands in it twice"),
        ("1" * 5000, "digits"),
        ("{", "Expecting"),
        ("", "Expecting"),
        (b"\xff\xfe", "decode"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_is_odd_is_a_value_error(text, says):
    """Nesting without end, names that stand twice, numbers of thousands of digits, no JSON."""
    with pytest.raises(ValueError, match=says):
        parse_json(text)


def test_as_deep_as_is_allowed_is_read():
    """A hundred levels are more than any file of ours has."""
    assert parse_json("[" * 100 + "]" * 100) == json.loads("[" * 100 + "]" * 100)


def test_the_limit_is_on_bytes(tmp_path):
    """A file of just that size is read."""
    (tmp_path / "a").write_bytes(bytes(1000))
    assert read_data(tmp_path / "a", 1000) == bytes(1000)
    with pytest.raises(ValueError, match=r"^it has more than 999 B$"):
        read_data(tmp_path / "a", 999)


def test_what_is_no_file_is_told(tmp_path, monkeypatch):
    """A folder and a missing file are the system's errors; devices, sockets and pipes are ours."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    for name in (".", "missing", "loop"):
        with pytest.raises(OSError, match=r".+"):
            open_data(Path(name))
    for name, says in (("/dev/zero", "regular"), ("socket", "regular"), ("pipe", "nothing is")):
        with pytest.raises(ValueError, match=says):
            open_data(Path(name))


def test_no_file_stays_open(tmp_path):
    """Whatever comes of it."""
    (tmp_path / "a").write_bytes(b"{}")
    os.mkfifo(tmp_path / "pipe")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        assert read_data(tmp_path / "a") == b"{}"
        with pytest.raises(ValueError, match="nothing is written"):
            read_data(tmp_path / "pipe")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
