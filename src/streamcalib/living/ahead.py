"""Canvases made on threads a little ahead of whoever reads them in order."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

_AHEAD_PER_JOB = 2
_MOST_AHEAD_BYTES = 2**26


class CanvasesAhead:
    """Canvases by row, made on threads; safe to share among threads.

    Reading that begins with row 0, or goes on where the last one ended, finds canvases that were
    made meanwhile: two a worker, or as many as were read last, up to 64 MiB. Of other reading only
    what is asked for is made. The threads end with the last row.

    Threads, since the decoder and OpenCV let go of Python's lock and a canvas made by another
    process would be copied through a pipe: on two busy cores 68 canvases of 640x640 a second came
    from threads, and 45 from joblib's processes. Futures of our own, since joblib's generators go
    on while nobody takes what they have made, and would hold the whole set before a slow model.

    Parameters
    ----------
    make
        Makes the canvas of a row: (3, H, W).
    rows
        Number of rows.
    jobs
        Number of threads.
    """

    def __init__(self, make: Callable[[int], NDArray[np.uint8]], rows: int, jobs: int) -> None:
        self._make, self._rows, self._jobs = make, rows, jobs
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._coming: dict[int, Future[NDArray[np.uint8]]] = {}
        self._end = 0
        self.process = os.getpid()

    def read(self, start: int, out: NDArray[np.uint8]) -> None:
        """Fill ``out`` (k, 3, H, W) with the canvases of rows ``start`` to ``start + k``.

        Raises what making them raises.
        """
        with self._lock:
            try:
                self._read(start, out)
            except BaseException:
                # Whoever comes next begins anew, and nothing runs on behind an error.
                self._close()
                raise

    def close(self) -> None:
        """Give up what is made ahead, and let the threads end; reading begins them again."""
        with self._lock:
            self._close()

    def _read(self, start: int, out: NDArray[np.uint8]) -> None:
        stop = start + len(out)
        in_order = start in (0, self._end)
        if not in_order:
            self._close()
        self._end = stop
        ahead = self._ahead(len(out), out[:1].nbytes)
        last = min(stop + ahead, self._rows) if in_order else stop
        for row in range(start, stop):
            self._begin(row, min(row + ahead + 1, last))
            out[row - start] = self._coming.pop(row).result()
        if stop == self._rows:
            self._close()
        else:
            self._begin(stop, last)

    def _ahead(self, read: int, canvas_bytes: int) -> int:
        fitting = _MOST_AHEAD_BYTES // max(canvas_bytes, 1)
        return max(self._jobs * _AHEAD_PER_JOB, min(read, fitting))

    def _begin(self, first: int, stop: int) -> None:
        """Begin the rows up to ``stop`` that have not begun; forget those before ``first``."""
        for row in [row for row in self._coming if row < first]:
            self._coming.pop(row).cancel()
        for row in range(first, stop):
            if row not in self._coming:
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(self._jobs, "streamcalib-live")
                self._coming[row] = self._pool.submit(self._make, row)

    def _close(self) -> None:
        for made in self._coming.values():
            made.cancel()
        self._coming.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None
