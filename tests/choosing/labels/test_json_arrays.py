"""Large JSON objects, entry by entry."""

from __future__ import annotations

import io
import json
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.choosing.labels import json_arrays
from streamcalib.choosing.labels.json_arrays import entries_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(), VALUES, max_size=5),
    st.integers(1, 40),
    st.sampled_from([None, 1, "\t"]),
)
def test_entries_are_those_that_the_standard_decoder_gives(value, chunk, indent):
    """Wherever the parts end in which the text is read, and however it is laid out."""
    text = json.dumps(value, indent=indent)
    expected = [(k, entry) for k, v in value.items() if isinstance(v, list) for entry in v]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_arrays, "_CHUNK_CHARACTERS", chunk)
        assert list(entries_of(io.StringIO(text))) == expected


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=3), st.data())
def test_a_text_that_is_cut_off_is_refused(value, data):
    """Wherever it is cut."""
    text = json.dumps(value)
    end = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ValueError, match=r"."):
        list(entries_of(io.StringIO(text[:end])))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it ends before its end"),
        ("[1]", "'{' is missing before '['"),
        ('{"a":[1,2 3]}', "a comma is missing before '3'"),
        ('{"a":[1}', "a comma is missing before '}'"),
        ('{"a":1 "b":2}', "a comma is missing before '\"'"),
        ('{"a":[1,]}', "Expecting value"),
        ("{1:[2]}", "it is no JSON object"),
        ('{"a" [2]}', "':' is missing before '['"),
        ('{"a":[' + "[" * 100_000, "nested too deeply"),
        ('{"a":[' + "9" * 5000 + "]}", "4300 digits"),
    ],
)
def test_what_is_no_json_object_is_refused(text, says):
    """The message is the reason."""
    with pytest.raises(ValueError, match=r".") as caught:
        list(entries_of(io.StringIO(text)))
    assert says in str(caught.value)


def test_an_entry_that_never_ends_is_given_up(monkeypatch):
    """Before all of it is in memory."""
    monkeypatch.setattr(json_arrays, "_MOST_CHARACTERS", 1000)
    monkeypatch.setattr(json_arrays, "_CHUNK_CHARACTERS", 100)
    stream = io.StringIO('{"a":["' + "x" * 100_000)
    with pytest.raises(ValueError, match="more than 1000 characters"):
        list(entries_of(stream))
    assert stream.tell() < 5000


def test_memory_does_not_grow_with_the_file():
    """Three times the entries take the same memory."""
    peaks = []
    for entries in (100_000, 300_000):
        stream = _Endless('{"a":[', '{"id": 123456, "box": [1.5, 2.5]},', entries, "0]}")
        tracemalloc.start()
        try:
            assert sum(1 for _ in entries_of(stream)) == entries + 1
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


class _Endless(io.StringIO):
    """A text that is made as it is read."""

    def __init__(self, head: str, entry: str, times: int, tail: str) -> None:
        super().__init__()
        self._parts, self._left = [head, tail], times
        self._entry = entry

    def read(self, size: int = sys.maxsize) -> str:
        if self._parts[0]:
            head, self._parts[0] = self._parts[0], ""
            return head
        times = min(self._left, max(1, size // len(self._entry)))
        self._left -= times
        if times:
            return self._entry * times
        tail, self._parts[1] = self._parts[1], ""
        return tail
