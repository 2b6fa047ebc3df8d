"""Peak anonymous memory of this process, for scripts that tests run in processes of their own."""

from __future__ import annotations

import threading
import time
from pathlib import Path

_EVERY_SECONDS = 0.01


def anonymous_bytes() -> int:
    """Return this process's anonymous resident memory: peak RSS would count mapped file pages."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024


class Peak:
    """Watches while its block runs; then ``bytes`` is the most that was seen."""

    def __enter__(self) -> Peak:
        self.bytes = anonymous_bytes()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._ended.is_set():
            self.bytes = max(self.bytes, anonymous_bytes())
            time.sleep(_EVERY_SECONDS)

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._watcher.join()
