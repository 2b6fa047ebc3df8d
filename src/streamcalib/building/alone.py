"""Images that are suspected of having killed a worker, each tried where it can harm nobody."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from streamcalib.building.worker import Outcome, Task, Work, make_rows, nothing_made
from streamcalib.workers.room import ENDED, KILLED, LostError, Room, killed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TOO_LONG = "it took longer than"


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
    with Room(partial(make_rows, work, trial=trial), seconds) as room:
        for task in tasks:
            try:
                outcome: Outcome = room.ask(task)
            except LostError as lost:
                reason = took_too_long(seconds) if lost.code is None else killed(lost.code)
                outcome = Outcome(nothing_made(), [(task.sources[0], reason)], 0.0)
            yield outcome


def took_too_long(seconds: float) -> str:
    """Return what is wrong with an image that was given up."""
    return f"{_TOO_LONG} {seconds:g} s (--image-timeout)"


def is_dangerous(reason: str) -> bool:
    """Whether an image that is bad for this reason may take down, or keep, whoever tries it."""
    return reason.startswith((ENDED, KILLED, _TOO_LONG))
