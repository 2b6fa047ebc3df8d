"""Workers that hang: an image that takes too long has its worker ended."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.wording import printable
from streamcalib.workers.stopping import end_process, is_child

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from streamcalib.workers.marks import Marks

_LONGEST_TICK = 1.0
_TICKS_A_TIMEOUT = 10

_log = logging.getLogger(__name__)


class _Seen(NamedTuple):
    turn: int
    seconds: float


class Watch:
    """Looks at the marks of workers while it is entered, and ends those that hang.

    Only time that it has itself seen pass counts, so that a build that was suspended, with its
    machine or by Ctrl-Z, has no hanging images when it goes on.

    Parameters
    ----------
    marks
        What workers are at.
    timeout
        Seconds that an image may take.
    name
        Gives the path of an image.
    ends
        Whether workers are processes, and can be ended; else it is only said that one hangs.
    """

    def __init__(
        self, marks: Marks, timeout: float, name: Callable[[int], str], *, ends: bool
    ) -> None:
        self._marks, self._timeout, self._name, self._ends = marks, timeout, name, ends
        self._seen: dict[str, _Seen] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="streamcalib-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        tick = min(_LONGEST_TICK, self._timeout / _TICKS_A_TIMEOUT)
        last = time.monotonic()
        while not self._done.wait(tick):
            now = time.monotonic()
            self.look(min(now - last, 2 * tick))
            last = now

    def look(self, seconds: float) -> None:
        """Look at all marks, ``seconds`` after the last time."""
        seen = {}
        for mark in self._marks.read():
            if mark.source is None:
                continue
            before = self._seen.get(mark.name)
            same = before is not None and before.turn == mark.turn
            spent = before.seconds + seconds if same and before else 0.0
            seen[mark.name] = _Seen(mark.turn, spent)
            was = before.seconds if same and before else 0.0
            if spent > self._timeout >= was:
                self._end(mark.pid, mark.source)
        self._seen = seen

    def _end(self, pid: int, source: int) -> None:
        if not self._ends or pid == os.getpid():
            _log.warning(
                "%s takes longer than %g s, and threads cannot be ended: if it hangs, end this "
                "build and run the same command with --backend loky and two --jobs or more",
                printable(self._name(source)),
                self._timeout,
            )
            return
        if is_child(pid):
            end_process(pid)
