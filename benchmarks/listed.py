"""Image lists as the peers and ceilings read them, without streamcalib."""

from __future__ import annotations

from pathlib import Path


def read_list(file: str | Path) -> list[str]:
    """Return the paths of an image list, one a line."""
    return Path(file).read_text(encoding="utf-8").splitlines()
