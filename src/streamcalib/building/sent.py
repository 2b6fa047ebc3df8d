"""Tasks on their way: which were handed out, and have not come back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from streamcalib.building.worker import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set


class Sent:
    """Hands tasks out with a number, and knows those that have not come back.

    Parameters
    ----------
    tasks
        Taken as they are handed out.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._out: dict[int, Task] = {}
        self._count = 0
        # joblib hands out in threads of its own, one of which may still do so when workers die.
        self._lock = threading.Lock()
        self._closed = False

    def __iter__(self) -> Iterator[tuple[int, Task]]:
        while True:
            with self._lock:
                task = None if self._closed else next(self._tasks, None)
                if task is None:
                    return
                self._count += 1
                number = self._count
                self._out[number] = task
            yield number, task

    def came_back(self, number: int) -> Task:
        """Note that a task is done, and return it."""
        return self._out.pop(number)

    def close(self) -> list[Task]:
        """Hand nothing out any more, and return the tasks that have not come back."""
        with self._lock:
            self._closed = True
            return list(self._out.values())


def parted(tasks: Iterable[Task], suspects: Set[int]) -> tuple[list[Task], list[Task]]:
    """Return tasks of one image for each suspected source, and tasks of all the others."""
    alone, rest = [], []
    for task in tasks:
        others: list[tuple[int, int, str]] = []
        for row, source, entry in zip(*task, strict=True):
            if source in suspects:
                alone.append(Task((row,), (source,), (entry,)))
            else:
                others.append((row, source, entry))
        if others:
            rows, sources, entries = zip(*others, strict=True)
            rest.append(Task(rows, sources, entries))
    return alone, rest
