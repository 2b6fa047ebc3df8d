"""Rows into a store or ``.npz``, on all cores, in memory that does not grow with the set."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.pixels.checksum import checksums
from streamcalib.stores.npz import NpzWriter
from streamcalib.stores.writeback import WriteBehind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.stores.store import Store
    from streamcalib.values import Rows

_PART_BYTES = 4 * 2**20
_STRETCH_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a file is written.

    Attributes
    ----------
    jobs
        Number of threads.
    window_bytes
        What may be held of the file in the page cache.
    on_rows
        Called with the number of rows written so far, after each part.
    """

    jobs: int
    window_bytes: int
    on_rows: Callable[[int], None]


def write_store(values: Rows, store: Store, manner: Manner) -> list[int] | None:
    """Write all rows into a new store; the page cache forgets what was read for it.

    Returns the checksum of every row if they were encoded for it, None if they only were copied.
    Raises ``OSError``, and what `Rows.read` raises.
    """
    store.create()
    lanes = _Lanes(values, store, manner.window_bytes // manner.jobs)
    with ThreadPoolExecutor(manner.jobs) as pool:
        try:
            for _ in range(manner.jobs):
                pool.submit(lanes.work)
            for done in lanes.progress(manner.jobs):
                manner.on_rows(done)
        finally:
            lanes.stop()
    return lanes.crcs


def write_npz(
    values: Rows,
    path: Path,
    manner: Manner,
    *,
    input_name: str,
    extra_inputs: Mapping[str, ExtraInput],
) -> list[int] | None:
    """Write all rows and the model's further inputs as an uncompressed ``.npz``.

    One member an input, named as the graph names it; every member has as many rows. Returns and
    raises as `write_store`.
    """
    crcs: list[int] | None = [] if values.is_encoded else None

    def parts() -> Iterator[NDArray[Any]]:
        for part, sums in in_order(values, manner):
            if crcs is not None:
                crcs.extend(sums)
            yield part

    writer = NpzWriter(path, WriteBehind(manner.window_bytes))
    try:
        shape = (len(values), *values.row_shape)
        writer.add(input_name, shape, values.dtype, parts())
        for extra in extra_inputs.values():
            rows = len(values)
            writer.add(extra.name, extra.shape(rows), np.dtype(extra.dtype), extra.parts(rows))
    finally:
        writer.close()
    return crcs


class _Lanes:
    """Threads that each take a stretch of rows, read it part by part, and write it in its place."""

    def __init__(self, values: Rows, store: Store, window_bytes: int) -> None:
        self._values, self._store, self._window_bytes = values, store, window_bytes
        self._part_rows = _rows_in(_PART_BYTES, values)
        together = store.rows_together
        step = max(1, _rows_in(_STRETCH_BYTES, values) // together) * together
        self._stretches = iter(range(0, len(values), step))
        self._step = step
        self._lock = threading.Lock()
        self._stopped = False
        self._told: SimpleQueue[int | BaseException | None] = SimpleQueue()
        self.crcs: list[int] | None = [0] * len(values) if values.is_encoded else None

    def work(self) -> None:
        """Write stretches until none is left; what goes wrong is raised by `progress`."""
        try:
            buffer = None if self._values.is_mapped else _buffer(self._values, self._part_rows)
            with self._store.writer(self._window_bytes) as writer:
                for start, stop, since in self._parts():
                    part = self._values.read(start, stop, buffer)
                    sums = None if self.crcs is None else checksums(part)
                    writer.write(start, part, sums)
                    if self.crcs is not None and sums is not None:
                        self.crcs[start:stop] = sums
                    self._values.forget(start, stop, since)
                    self._told.put(stop - start)
        except BaseException as error:  # noqa: BLE001 (raised again where the caller waits)
            self._told.put(error)
        else:
            self._told.put(None)

    def progress(self, lanes: int) -> Iterator[int]:
        """Yield the number of rows written, whenever it grew, until all lanes have ended."""
        done = 0
        while lanes:
            news = self._told.get()
            if isinstance(news, BaseException):
                raise news
            if news is None:
                lanes -= 1
            else:
                done += news
                yield done

    def stop(self) -> None:
        """Let no thread begin another part."""
        with self._lock:
            self._stopped = True

    def _parts(self) -> Iterator[tuple[int, int, int]]:
        """Yield the bounds of each part, and the first one of its stretch."""
        while (start := self._take()) is not None:
            end = min(start + self._step, len(self._values))
            for row in range(start, end, self._part_rows):
                if self._stopped:
                    return
                yield row, min(row + self._part_rows, end), start

    def _take(self) -> int | None:
        with self._lock:
            return None if self._stopped else next(self._stretches, None)


def in_order(values: Rows, manner: Manner) -> Iterator[tuple[NDArray[Any], list[int]]]:
    """Yield all rows in order, a part at a time, in buffers that are used again.

    With each part come the checksums of its rows, if they were encoded for it. Further parts are
    read ahead by threads.
    """

    def read(start: int, buffer: NDArray[Any] | None) -> tuple[NDArray[Any], list[int]]:
        part = values.read(start, start + step, buffer)
        return part, checksums(part) if values.is_encoded else []

    step = _rows_in(_PART_BYTES, values)
    starts = iter(range(0, len(values), step))
    count = min(manner.jobs + 1, -(-len(values) // step))
    free = [None if values.is_mapped else _buffer(values, step) for _ in range(count)]
    ahead: deque[tuple[NDArray[Any] | None, Future[tuple[NDArray[Any], list[int]]]]] = deque()
    done = 0
    with ThreadPoolExecutor(manner.jobs) as pool:
        while True:
            while free and (start := next(starts, None)) is not None:
                ahead.append((buffer := free.pop(), pool.submit(read, start, buffer)))
            if not ahead:
                return
            buffer, coming = ahead.popleft()
            part, sums = coming.result()
            yield part, sums
            values.forget(done, done + len(part))
            free.append(buffer)
            done += len(part)
            manner.on_rows(done)


def _rows_in(size_bytes: int, values: Rows) -> int:
    return max(1, size_bytes // values.row_bytes)


def _buffer(values: Rows, rows: int) -> NDArray[Any]:
    return np.empty((rows, *values.row_shape), values.dtype)
