"""What every message to a person has in common."""

from __future__ import annotations


def text_of(error: BaseException, lines: int = 1) -> str:
    """Return an error's message, once it is clear that a terminal can show it as it is."""
    message = str(error)
    assert message, "the error says nothing"
    shown = message.split("\n")
    assert len(shown) == lines, f"{len(shown)} lines: {message!r}"
    assert all(line.isprintable() for line in shown), f"control characters in {message!r}"
    return message
