"""Images that are suspected of having killed a worker, each tried where it can harm nobody."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from joblib.externals.loky.backend import get_context

from streamcalib.building.worker import Outcome, Task, Work, make_rows, nothing_made
from streamcalib.errors import StoppedError
from streamcalib.workers.stopping import end_process, signals_held_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection

_log = logging.getLogger(__name__)


def make_alone(
    work: Work, tasks: Iterable[Task], seconds: float, *, trial: bool = False
) -> Iterator[Outcome]:
    """Make the rows of tasks of one image each, one after another in a process of their own.

    An image that ends its process, or takes longer than ``seconds``, is bad; the next one gets a
    new process.

    Raises
    ------
    StoppedError
        If a row cannot be written.
    """
    room = _Room(work, seconds, trial=trial)
    try:
        for task in tasks:
            yield room.make(task)
    finally:
        room.close()


class _Room:
    """A process for one image at a time."""

    def __init__(self, work: Work, seconds: float, *, trial: bool) -> None:
        self._work, self._seconds, self._trial = work, seconds, trial
        self._process: Any = None
        self._line: Connection | None = None

    def make(self, task: Task) -> Outcome:
        if self._line is None:
            self._line = self._start()
        try:
            self._line.send(task)
            if not self._line.poll(self._seconds):
                return self._bad(task, took_too_long(self._seconds))
            answer = self._line.recv()
        except (EOFError, OSError):
            return self._bad(task, killed(self._end_code()))
        if isinstance(answer, Exception):
            raise answer
        outcome: Outcome = answer
        return outcome

    def _start(self) -> Connection:
        context = get_context("loky")
        here: Connection
        here, there = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(there, self._work, self._trial), daemon=True
        )
        with signals_held_back(processes=True):
            self._process.start()
        there.close()
        # Its start is no part of what an image takes.
        with suppress(EOFError, OSError):
            here.recv()
        return here

    def _bad(self, task: Task, reason: str) -> Outcome:
        self.close()
        return Outcome(nothing_made(), [(task.sources[0], reason)], 0.0)

    def _end_code(self) -> int:
        self._process.join()
        return int(self._process.exitcode)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
            end_process(self._process.pid)
            self._process.join()


_ENDED = "it ended its worker"
_KILLED = "it killed its worker"
_TOO_LONG = "it took longer than"


def killed(code: int) -> str:
    """Return what is wrong with an image whose process ended with ``code``, negative: a signal."""
    if code >= 0:
        return f"{_ENDED}: exit code {code}"
    name = ""
    with suppress(ValueError):
        name = f" ({signal.Signals(-code).name})"
    return f"{_KILLED}: signal {-code}{name}"


def took_too_long(seconds: float) -> str:
    """Return what is wrong with an image that was given up."""
    return f"{_TOO_LONG} {seconds:g} s (--image-timeout)"


def is_dangerous(reason: str) -> bool:
    """Whether an image that is bad for this reason may take down, or keep, whoever tries it."""
    return reason.startswith((_ENDED, _KILLED, _TOO_LONG))


def _serve(line: Connection, work: Work, trial: bool) -> None:
    line.send(os.getpid())
    while True:
        try:
            task = line.recv()
        except EOFError:
            return
        try:
            answer: Any = make_rows(work, task, trial=trial)
        except StoppedError as error:
            answer = error
        line.send(answer)
