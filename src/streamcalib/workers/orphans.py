"""Workers whose parent is gone: nobody is left to tell of their rows, and they end."""

from __future__ import annotations

import os
import threading
import time
from functools import cache

_LOOK_SECONDS = 1.0


@cache
def end_with(parent: int) -> None:
    """Have this process end soon after its parent, whatever it is at or waits for.

    A parent that is killed cannot end its workers, which would wait for minutes for the next task.
    Half a row that is left is no harm: nobody knows of it.
    """
    if os.getpid() != parent:
        threading.Thread(
            target=_watch, args=(parent,), name="streamcalib-orphan", daemon=True
        ).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)
