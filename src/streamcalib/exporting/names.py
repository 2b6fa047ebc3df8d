"""Names of the files in an exported folder."""

from __future__ import annotations

import re

_LEAST_DIGITS = 6
_LONGEST_STEM = 80
_ENTRY = re.compile(rf"\d{{{_LEAST_DIGITS},}}(-[A-Za-z0-9._-]+)?\.(npy|bin)")


def file_name(number: int, count: int, suffix: str, image: str | None = None) -> str:
    """Return the name of a file: its number, so that names sort by it, and its image's stem.

    Parameters
    ----------
    number
        From 0.
    count
        Number of files, which decides on the zeros in front.
    suffix
        With its dot.
    image
        Path, member or URL of the image in the file, if it is one; what is not a letter, digit,
        ``.``, ``_`` or ``-`` of ASCII becomes ``_``.
    """
    digits = max(_LEAST_DIGITS, len(str(count - 1)))
    stem = "" if image is None else _safe_stem(image)
    return f"{number:0{digits}d}{f'-{stem}' if stem else ''}{suffix}"


def is_entry(name: str) -> bool:
    """Whether a file of an exported folder may have such a name."""
    return _ENTRY.fullmatch(name) is not None


def bare_name(image: str) -> str:
    """Return the last part of an image's path, member or URL."""
    return re.split(r"[/\\]|::", image)[-1]


def _safe_stem(image: str) -> str:
    stem = bare_name(image).rpartition(".")[0] or bare_name(image)
    return re.sub(r"[^A-Za-z0-9._-]", "_", stem)[:_LONGEST_STEM]
