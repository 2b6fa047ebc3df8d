"""What is said of an image that is too large."""

from __future__ import annotations

from streamcalib.errors import ImageError


def over_limit(size: int, max_bytes: int) -> ImageError:
    """Return the error of an image of ``size`` bytes."""
    return ImageError(f"{size} bytes are {over(max_bytes)}")


def over(max_bytes: int) -> str:
    """Return what is wrong with more than ``max_bytes``."""
    return f"over the limit of {max_bytes / 1e6:g} MB (--max-file-size)"
