"""Ending workers early without losing a worker, a traceback or the terminal's peace on the way."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, TypeVar

from joblib.externals.loky.backend import resource_tracker as loky_resource_tracker

from streamcalib.errors import StoppedError
from streamcalib.signals import held_back, leave_thread_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

_Result = TypeVar("_Result")

_hooks_lock = threading.Lock()
_hooks_before: list[Callable[[threading.ExceptHookArgs], Any]] = []
"""The hook before each of the jobs that run now; the first is not ours."""


class TasksHere:
    """The tasks that run in threads of this process.

    Nobody can kill a thread, and one that still works while Python ends takes the process down
    with it: whoever ends a job early waits for the tasks begun.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._stopped = False

    def around(self, do: Callable[..., _Result]) -> Callable[..., _Result]:
        """Return a function that does the same, and is waited for; it begins nothing once stopped.

        It then raises `StoppedError`, which nobody hears.
        """

        def counted(*arguments: Any, **options: Any) -> _Result:
            with self._changed:
                if self._stopped:
                    raise StoppedError("what this was part of has ended.")
                self._running += 1
            try:
                return do(*arguments, **options)
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

        return counted

    def is_stopped(self) -> bool:
        """Return whether the job has ended."""
        return self._stopped

    def stop(self, patience: float | None = None) -> None:
        """Let no task begin, and wait for those that have, for ``patience`` seconds at most."""
        with self._changed:
            self._stopped = True
            if not self._changed.wait_for(lambda: not self._running, patience):
                leave_thread_behind()


def close_quietly(results: Generator[Any]) -> None:
    """End the workers' tasks, without joblib's warning: what ended the build is told by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        results.close()


def end_process(pid: int) -> None:
    """End a process at once, whatever it is at, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def is_child(pid: int) -> bool:
    """Whether a process is one of this one's own; where nobody can tell, it is believed."""
    if not hasattr(os, "waitid"):
        return True
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (OSError, OverflowError):
        return False
    return True


@contextmanager
def loky_ending_quietly() -> Iterator[None]:
    """Keep quiet what loky's thread stumbles over if a task comes in as it is ended."""
    with _hooks_lock:
        _hooks_before.append(threading.excepthook)
        if len(_hooks_before) == 1:
            threading.excepthook = _quiet_about_loky
    try:
        yield
    finally:
        with _hooks_lock:
            own = _hooks_before[0]
            _hooks_before.pop()
            if not _hooks_before:
                threading.excepthook = own


def _quiet_about_loky(failure: threading.ExceptHookArgs) -> None:
    ended = getattr(getattr(failure.thread, "executor_flags", None), "shutdown", False)
    if not ended or failure.exc_type is not KeyError:
        _hooks_before[0](failure)


@contextmanager
def signals_held_back(processes: bool) -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back while workers start, since nobody could end them half-way.

    Processes that are started meanwhile never get Ctrl-C: a terminal sends it to every process,
    and only the parent shall act on it.
    """
    if not processes or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting on demand, these helpers of the workers' queues would let Ctrl-C through again.
    resource_tracker.ensure_running()
    loky_resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # The mask is this thread's alone, and Python's handler is called whichever gets the signal.
    with held_back():
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
