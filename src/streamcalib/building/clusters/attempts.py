"""A task on a cluster's worker: begun once, held to its time, on disk before it is told of.

Clusters send a task again whose worker died, to the next worker, which the same image would kill
too. So a task leaves a mark in the build's folder while it runs: whoever finds one there does not
begin, and says so.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import cv2

from streamcalib.building.alone import took_too_long
from streamcalib.building.clusters.answers import difference, versions_here
from streamcalib.building.worker import Outcome, Task, Work, forget_tools, make_rows
from streamcalib.errors import StoppedError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

ENDED = "it ended its worker"
_NOBODY = "a worker"
_MOST_NOTE_BYTES = 1000
_DIGITS = 12
_LONGEST_TICK = 1.0
_TICKS_A_TIMEOUT = 10


class Lost(NamedTuple):
    """In place of an outcome: a task that did not come back.

    Attributes
    ----------
    had_begun
        Whether a worker was at it; else it only waited.
    at
        Which of its images, from 0, that worker was at, as far as it is known.
    worker
        The worker, as far as it is known.
    reason
        What is wrong with that image, should it end the next worker too.
    """

    had_begun: bool
    at: int | None = None
    worker: str = _NOBODY
    reason: str = ENDED


class Rules(NamedTuple):
    """What holds for all tasks of a wave.

    Attributes
    ----------
    folder
        Where marks are, seen by all workers; None if there is no such folder.
    wave
        Tells one wave from another.
    image_timeout
        Seconds that an image may take.
    trial
        Write nothing; only see which images can become rows.
    versions
        What decides the bytes of rows, as it is where the build runs.
    """

    folder: Path | None
    wave: str
    image_timeout: float
    trial: bool
    versions: dict[str, str]

    @property
    def go(self) -> Path | None:
        """The file without which nothing more is begun, if there can be one."""
        return None if self.folder is None else self.folder / f"go-{self.wave}"

    def let_go(self) -> None:
        """Let tasks begin; raises ``OSError``."""
        if self.go is not None:
            self.go.touch()

    def hold(self) -> None:
        """Let no image be begun any more, where workers see that."""
        if self.go is not None:
            self.go.unlink(missing_ok=True)

    def mark(self, number: int) -> Path | None:
        """Return the file that is there while a task runs, if there can be one."""
        return None if self.folder is None else self.folder / f"task-{self.wave}-{number}"


def attempt(work: Work, rules: Rules, number: int, task: Task) -> tuple[int, Outcome | Lost]:
    """Make the rows of a task on a cluster's worker, unless another has tried in vain.

    Raises
    ------
    StoppedError
        If a row, or the task's mark, cannot be written, or this worker came while the build ran
        and has other versions.
    """
    here = versions_here(work.decoder, with_pillow=work.recipe.uses_pillow)
    if trouble := difference(rules.versions, here):
        raise StoppedError(
            f"a worker came on host {printable(socket.gethostname())}: {trouble} there. Install "
            "the same on all hosts, or take it away, and run the same command again."
        )
    mark = rules.mark(number)
    try:
        turn = _Turn(rules, mark)
    except FileExistsError:
        return number, lost(mark)
    except OSError as error:
        raise _unwritten(str(mark), error) from error
    try:
        cv2.setNumThreads(1)
        with turn:
            outcome = make_rows(work, task, trial=rules.trial, stopped=turn.is_stopped)
        if not rules.trial and len(outcome.made.rows):
            _make_durable(work, outcome)
        return number, outcome
    finally:
        # The next task may be another build's, and this thread is not ours.
        forget_tools()
        if mark is not None:
            mark.unlink(missing_ok=True)


def lost(mark: Path | None) -> Lost:
    """Return what is known of a task by its mark, which is taken away."""
    if mark is None:
        return Lost(had_begun=False)
    try:
        with mark.open("rb") as file:
            note = file.read(_MOST_NOTE_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return Lost(had_begun=False)
    mark.unlink(missing_ok=True)
    at, worker, reason, *_ = [*note.split("\n"), "", "", ""]
    return Lost(
        True, int(at) if at.strip().isdecimal() else None, worker or _NOBODY, reason or ENDED
    )


def _make_durable(work: Work, outcome: Outcome) -> None:
    """Bring rows to disk: what this host has not written yet, the build's could not."""
    try:
        with closing(work.store.flusher()) as flusher:
            flusher.wrote(outcome.made.rows)
            flusher.flush()
    except OSError as error:
        raise _unwritten(work.store.shown, error) from error


def _unwritten(place: str, error: OSError) -> StoppedError:
    return StoppedError(
        f"writing {printable(place)} failed on host {printable(socket.gethostname())}: "
        f"{error.strerror or error}. Free space or mend the volume, then run the same command "
        "again."
    )


class _Turn:
    """A task's turn: notes which image is begun, and ends this process if one takes too long.

    A thread that hangs cannot be ended alone. Only time that is seen to pass counts, as in
    `Watch`.
    The mark is written, not mapped: other hosts see what was written once this process is gone.
    """

    def __init__(self, rules: Rules, mark: Path | None) -> None:
        self._go, self._timeout = rules.go, rules.image_timeout
        self._file: int | None = None
        if mark is not None:
            self._file = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            who = f"process {os.getpid()} on host {socket.gethostname()}"
            os.write(self._file, f"{'':{_DIGITS}}\n{who}\n".encode())
        self._begun = 0
        self._spent = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="streamcalib-watch", daemon=True)

    def is_stopped(self) -> bool:
        """Begin an image; whether nothing more is to be begun."""
        if self._file is not None:
            os.pwrite(self._file, f"{self._begun:{_DIGITS}}".encode(), 0)
        self._begun += 1
        self._spent = 0.0
        return self._go is not None and not self._go.exists()

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
        if self._file is not None:
            os.close(self._file)

    def _watch(self) -> None:
        tick = min(_LONGEST_TICK, self._timeout / _TICKS_A_TIMEOUT)
        last = time.monotonic()
        while not self._done.wait(tick):
            now = time.monotonic()
            self._spent += min(now - last, 2 * tick)
            last = now
            if self._spent > self._timeout:
                if self._file is not None:
                    os.write(self._file, took_too_long(self._timeout).encode())
                os._exit(1)
