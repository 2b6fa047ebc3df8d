"""OpenCV's own threads, held back where workers run side by side."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = threading.Lock()
_before: list[int] = []
"""How many threads OpenCV had before each of the builds that run now; the first is its own."""


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Hold OpenCV in this process at one thread, until the last of all who asked for it is done."""
    with _lock:
        _before.append(cv2.getNumThreads())
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        with _lock:
            own = _before[0]
            _before.pop()
            if not _before:
                cv2.setNumThreads(own)
