"""The lines of a list's file that name images."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from streamcalib.datafile import open_data
from streamcalib.errors import ListError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

UTF16_MARKS = ("\udcff\udcfe", "\udcfe\udcff")
_BLOCK_CHARACTERS = 2**16
# No file system takes a path that is as long.
_LONGEST_LINE = 2**16
_MOST_PIPED_BYTES = 2**30


def read_entries(file: Path) -> list[str]:
    """Return the lines that are neither blank nor comments.

    Raises
    ------
    ListError
        If the file cannot be read or is not text.
    """
    entries: list[str] = []
    for block in _blocks(file):
        entries += [line for line in block.split("\n") if _is_entry(line)]
    return entries


def numbered_entries(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the same lines with their numbers, counted from 1; raises as `read_entries`."""
    number = 0
    for block in _blocks(file):
        for line in block.removesuffix("\n").split("\n"):
            number += 1
            if _is_entry(line):
                yield number, line


def _is_entry(line: str) -> bool:
    return bool(line.strip()) and line[0] != "#"


def _blocks(file: Path) -> Iterator[str]:
    """Yield the text in blocks of whole lines: many at once, never all beside the entries."""
    shown = printable(str(file))
    try:
        # Names on Linux are bytes: what is no UTF-8 survives as it does in os.fsdecode.
        with io.TextIOWrapper(
            open_data(file, _MOST_PIPED_BYTES), "utf-8-sig", "surrogateescape"
        ) as text:
            first = True
            while block := _block(text, shown):
                if "\0" in block or (first and block.startswith(UTF16_MARKS)):
                    raise ListError(f"the list {shown} is not UTF-8 text: save it as UTF-8.")
                yield block
                first = False
    except ListError:
        raise
    except OSError as error:
        raise ListError(f"the list {shown} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        # It may hold a NUL, which no name of a file does.
        raise ListError(f"the list {shown} cannot be read: {error}.") from error


def _block(text: TextIO, shown: str) -> str:
    block = text.read(_BLOCK_CHARACTERS)
    rest = text.readline(_LONGEST_LINE)
    if len(rest) == _LONGEST_LINE and not rest.endswith("\n"):
        raise ListError(
            f"the list {shown} has a line of more than {_LONGEST_LINE} characters: it is no list "
            "of paths."
        )
    return block + rest
