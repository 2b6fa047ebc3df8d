"""Paths as they are written and compared: absolute, with forward slashes, links kept."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def absolute_path(path: str, real: Callable[[str], str] = os.path.realpath) -> str:
    """Return a path made absolute, its links kept; ``..`` goes up as the system would."""
    match = re.fullmatch(r"((?:.*/)?\.\.)(?:/(.*))?", path, re.DOTALL)
    if match:
        # The parent of a linked folder is that of its target: only the rest may be cut short.
        path = os.path.join(real(match[1]), match[2] or "")  # noqa: PTH118
    return posix(os.path.abspath(path))  # noqa: PTH100


def posix(path: str) -> str:
    """Return a path with forward slashes."""
    return path.replace(os.sep, "/") if os.sep != "/" else path
