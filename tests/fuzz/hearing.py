"""What C libraries write to the standard error stream, heard instead of printed."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from typing import BinaryIO, Self

_MOST_BYTES = 4096


class Hearing:
    """Within it, what goes to file descriptor 2 is kept; afterwards it is ``text``.

    libjpeg says there what is odd or damaged. For one thread, as the stream is the process's.
    """

    text = ""

    def __enter__(self) -> Self:
        file = _file()
        file.seek(0)
        file.truncate()
        self._stderr = os.dup(2)
        os.dup2(file.fileno(), 2)
        return self

    def __exit__(self, *_: object) -> None:
        os.dup2(self._stderr, 2)
        os.close(self._stderr)
        self.text = os.pread(_file().fileno(), _MOST_BYTES, 0).decode(errors="replace")


@cache
def _file() -> BinaryIO:
    return tempfile.TemporaryFile(buffering=0)
