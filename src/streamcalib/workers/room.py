"""A process in which one thing after another is tried that may end it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from joblib.externals.loky.backend import get_context

from streamcalib.errors import StoppedError
from streamcalib.workers.stopping import end_process, signals_held_back

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from types import TracebackType
    from typing import Self

ENDED = "it ended its worker"
KILLED = "it killed its worker"


class LostError(Exception):
    """A room's process is gone before it had an answer.

    Attributes
    ----------
    code
        How it ended, negative: by a signal; None if it took too long and was ended.
    """

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class Room:
    """A process that answers questions; the next one after it is lost gets a new process.

    Parameters
    ----------
    do
        Gives the answer; questions, answers and itself can be sent to a process.
    seconds
        What an answer may take.
    """

    def __init__(self, do: Callable[[Any], Any], seconds: float) -> None:
        self._do, self._seconds = do, seconds
        self._process: Any = None
        self._line: Connection | None = None

    def ask(self, question: object) -> Any:
        """Return the answer.

        Raises
        ------
        LostError
            If the process ends instead, or takes too long.
        StoppedError
            If ``do`` raises it.
        """
        if self._line is None:
            self._line = self._start()
        try:
            self._line.send(question)
            has_answer = self._line.poll(self._seconds)
            answer = self._line.recv() if has_answer else None
        except (EOFError, OSError):
            code = self._end_code()
            self.close()
            raise LostError(code) from None
        if not has_answer:
            self.close()
            raise LostError(None)
        if isinstance(answer, StoppedError):
            raise answer
        return answer

    def _start(self) -> Connection:
        context = get_context("loky")
        here: Connection
        here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, self._do), daemon=True)
        with signals_held_back(processes=True):
            self._process.start()
        there.close()
        # Its start is no part of what an answer takes.
        with suppress(EOFError, OSError):
            here.recv()
        return here

    def _end_code(self) -> int:
        self._process.join()
        return int(self._process.exitcode)

    def close(self) -> None:
        """End the process."""
        if self._line is not None:
            self._line.close()
            self._line = None
            end_process(self._process.pid)
            self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def killed(code: int) -> str:
    """Return what is wrong with an image whose process ended with ``code``, negative: a signal."""
    if code >= 0:
        return f"{ENDED}: exit code {code}"
    name = ""
    with suppress(ValueError):
        name = f" ({signal.Signals(-code).name})"
    return f"{KILLED}: signal {-code}{name}"


def _serve(line: Connection, do: Callable[[Any], Any]) -> None:
    line.send(os.getpid())
    while True:
        try:
            question = line.recv()
        except EOFError:
            return
        try:
            answer: Any = do(question)
        except StoppedError as error:
            answer = error
        line.send(answer)
