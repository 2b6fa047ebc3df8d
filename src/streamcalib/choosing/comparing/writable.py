"""Whether a file that a comparison is to leave can be there, told before anything is measured."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from streamcalib.durable import obstacle
from streamcalib.errors import OutputError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path


def check_file(path: Path, option: str) -> None:
    """Make sure that ``option`` names a file that can be written, in a folder that is there.

    Raises
    ------
    OutputError
        If it is a folder, its folder is not there or takes no file, or its name is too long.
    """
    shown = printable(str(path))
    # Unlike pathlib's, these take names that are too long.
    if os.path.isdir(path):  # noqa: PTH112
        raise OutputError(f"{option} {shown} is a folder: name a file in it.")
    if not os.path.isdir(path.absolute().parent):  # noqa: PTH112
        raise OutputError(f"the folder of {option} {shown} is not there: make it.")
    if reason := obstacle(path):
        raise OutputError(f"{option} {shown} cannot be written: {reason}.")
