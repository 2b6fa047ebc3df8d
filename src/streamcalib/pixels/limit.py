"""The limit on the pixels of one image."""

from __future__ import annotations

from streamcalib.errors import ImageError


def check_size(height: int, width: int, max_pixels: int) -> None:
    """Refuse an image of more pixels than the limit; raises `ImageError`."""
    if height * width > max_pixels:
        raise ImageError(
            f"{width}x{height} pixels are over the limit of {max_pixels} (--max-pixels)"
        )
