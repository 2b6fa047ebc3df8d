"""Ctrl-C and SIGTERM, held back while something is half done."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any, Self

ENDING = (signal.SIGINT, signal.SIGTERM)
"""The signals that ask a job to end."""


_thread_left = threading.Event()


def leave_thread_behind() -> None:
    """Note that a thread of this process works on, for nobody could wait for its end."""
    _thread_left.set()


def is_thread_left() -> bool:
    """Whether a thread works on; it may take the process down if Python ends in its own way."""
    return _thread_left.is_set()


@contextmanager
def held_back() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block is done; the first that came is raised then.

    Python hears signals in its main thread alone: elsewhere there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _frame: came.append(number))
        for number in ENDING
        # None: a handler that Python did not set, and could not set again.
        if signal.getsignal(number) is not None
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


class SoftEnd:
    """Lets a job end by itself when Ctrl-C or SIGTERM comes, and at once when another comes.

    To be entered around the job, in any thread; only the main one hears signals. A signal that
    the program ignores, or leaves to the system, is left alone.

    Parameters
    ----------
    stop
        Called at the first signal; the job shall end soon.

    Attributes
    ----------
    came
        The first signal that came, if any.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self.came: int | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if callable(handler := signal.getsignal(number)):
                    self._handlers[number] = handler
                    signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def raise_again(self) -> None:
        """Do now what the signal that came would have done."""
        if self.came is not None:
            signal.raise_signal(self.came)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self.came is None:
            self.came = number
            self._stop()
        else:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
