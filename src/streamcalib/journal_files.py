"""The files of a journal, and their removal."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

JOURNAL_NAMES = tuple(f"journal.sqlite{ending}" for ending in ("", "-wal", "-shm", "-journal"))
"""The journal's file, and those that SQLite keeps beside it."""


def discard(path: Path) -> None:
    """Remove the journal at ``path``, if there is one; raises ``OSError``."""
    # The log first: alone, it would be taken for the next journal's.
    for name in reversed(JOURNAL_NAMES):
        file = path.with_name(name)
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)
