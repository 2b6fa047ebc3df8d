"""How names and sizes are put to people."""

from __future__ import annotations

import re


def printable(text: str) -> str:
    """Return ``text`` with control characters and undecodable bytes escaped, for messages."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def counted(count: int, what: str, many: str | None = None) -> str:
    """Return ``1 row``, ``2 rows``, ``118,287 rows``; ``many`` is a plural without an s."""
    return f"{count:,} {what if count == 1 else many or what + 's'}"


def in_markdown(text: str) -> str:
    """Return `printable` text that stays text in a Markdown cell or list item.

    What could end a cell, begin a block or a code span, or be taken for HTML or a link becomes an
    entity; other names stay as they are.
    """
    shown = re.sub(r"[&<>|`]|\](?=[(\[:])", lambda found: f"&#{ord(found[0])};", printable(text))
    return re.sub(
        r"^(?:[#+*~=-]|\d+(?=[.)] ))",
        lambda found: "".join(f"&#{ord(character)};" for character in found[0]),
        shown,
    )


def without_option(reason: str) -> str:
    """Return why an image is bad without the option of a build in which it may end."""
    return re.sub(r" \(--[a-z-]+\)$", "", reason)


def in_units(size_bytes: float) -> str:
    """Return a size in decimal units: ``491.5 MB`` is 491.5 million bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if round(size_bytes, 1) < 1000:
            return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"
