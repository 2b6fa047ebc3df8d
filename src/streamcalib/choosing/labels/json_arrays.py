"""The arrays in a large JSON object, entry by entry, in memory that does not grow with the file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_CHARACTERS = 2**20
_MOST_CHARACTERS = 2**26
_CUT = "it ends before its end"
_AFTER = tuple(" \t\r\n,:]}")
_SPACE = re.compile(r"[ \t\r\n]*")


def entries_of(text: TextIO) -> Iterator[tuple[str, Any]]:
    """Yield each entry of each array at the top of a JSON object, with the array's key.

    The standard decoder reads one entry at a time, at its full speed. (Of the packages that
    stream JSON, ijson takes as long for each of the arrays as this does for all, and memory that
    grows with the square of the nesting.)

    Raises
    ------
    ValueError
        If the text is no JSON object, or an entry has more than 64 Mi characters or is nested
        too deeply; the message is the reason.
    """
    source = _Text(text)
    source.take("{")
    if source.next() == "}":
        return
    while True:
        key = source.value()
        if not isinstance(key, str):
            raise ValueError("it is no JSON object")
        source.take(":")
        if source.next() == "[":
            yield from ((key, entry) for entry in _entries(source))
        else:
            source.value()
        if source.end("}"):
            return


def _entries(source: _Text) -> Iterator[Any]:
    source.take("[")
    if source.next() == "]":
        source.take("]")
        return
    while True:
        yield source.value()
        if source.end("]"):
            return


class _Text:
    """A text of which only the part that is being read is in memory."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._part, self._at = "", 0
        self._is_all = False
        self._decode = json.JSONDecoder().raw_decode

    def next(self) -> str:
        """Return the next character that is no space, without passing it; nothing at the end."""
        while True:
            match = _SPACE.match(self._part, self._at)
            self._at = self._at if match is None else match.end()
            if self._at < len(self._part) or self._is_all:
                return self._part[self._at : self._at + 1]
            self._read_on()

    def take(self, expected: str) -> None:
        """Pass a character that must be the next one."""
        found = self.next()
        if found != expected:
            raise ValueError(f"{expected!r} is missing before {found!r}" if found else _CUT)
        self._at += 1

    def end(self, closing: str) -> bool:
        """Pass what stands behind an entry; return whether it is what closes them, or a comma."""
        found = self.next()
        if found not in (closing, ","):
            raise ValueError(f"a comma is missing before {found!r}" if found else _CUT)
        self._at += 1
        return found == closing

    def value(self) -> Any:
        """Pass a whole value, and return it."""
        self.next()
        while True:
            try:
                value, end = self._decode(self._part, self._at)
            except RecursionError as error:
                raise ValueError("an entry is nested too deeply") from error
            except json.JSONDecodeError as error:
                if self._is_all:
                    raise ValueError(error.msg if self._at < len(self._part) else _CUT) from error
            else:
                # A number may go on behind the part, or behind what is one by itself: 0.5, 1e3.
                if self._is_all or self._part[end : end + 1] in _AFTER:
                    self._at = end
                    return value
            if len(self._part) - self._at > _MOST_CHARACTERS:
                raise ValueError(f"an entry has more than {_MOST_CHARACTERS} characters, or no end")
            self._read_on()

    def _read_on(self) -> None:
        """Let go of what was passed, and read as much again as is left, a chunk at least."""
        left = self._part[self._at :]
        more = self._stream.read(max(_CHUNK_CHARACTERS, len(left)))
        self._part, self._at = left + more, 0
        self._is_all = not more
