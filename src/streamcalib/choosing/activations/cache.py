"""What was observed, kept on disk, so that no image goes through the same graph twice."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from streamcalib.choosing.activations.histogram import BINS, top_octaves
from streamcalib.choosing.activations.observer import Observation
from streamcalib.choosing.caches.folder import Opened, open_kept
from streamcalib.choosing.caches.table import open_table
from streamcalib.errors import StoppedError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamcalib.images.stamp import Stamp

_FAST = 1
_BUSY_SECONDS = 60.0
_TABLE = """
CREATE TABLE IF NOT EXISTS images (
    place BLOB PRIMARY KEY, bytes INTEGER NOT NULL, number INTEGER NOT NULL,
    observation BLOB NOT NULL
)
"""
_BYTES_A_TENSOR = 4 + 1 + 4 * BINS


class Observations:
    """Observations by image, in a file of a cache folder, or a passing one if need be.

    Parameters
    ----------
    key
        Hexadecimal digits that stand for the graph, the recipe, and how tensors are counted.
    tensors
        How many tensors an observation is of.
    cache
        The folder; by default, and where that cannot be used, `streamcalib` in the user's cache
        folder.
    kept
        Whether a later run shall find them.
    """

    def __init__(
        self,
        key: str,
        tensors: int,
        *,
        cache: str | os.PathLike[str] | None = None,
        kept: bool = True,
    ) -> None:
        self._tensors = tensors
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        opened = open_kept(cache, f"activations/{key}.sqlite", self._opened) if kept else None
        if opened is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="streamcalib-")
            path = Path(self._scratch.name, "activations.sqlite")
            opened = Opened(path, self._opened(path))
        self.path, self._connection = opened

    def _opened(self, path: Path) -> sqlite3.Connection:
        # What cannot be compressed becomes a little longer.
        most_bytes = self._tensors * _BYTES_A_TENSOR * 101 // 100
        return open_table(path, _TABLE, most_bytes=most_bytes, busy_seconds=_BUSY_SECONDS)

    @property
    def is_kept(self) -> bool:
        """Whether a later run finds them."""
        return self._scratch is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    def holds(self, place: str, stamp: Stamp) -> bool:
        """Whether the image was observed as it is now."""
        with self._told():
            found = self._connection.execute(
                "SELECT bytes, number FROM images WHERE place = ?",
                (os.fsencode(place),),
            ).fetchone()
        return bool(found == (stamp.bytes, stamp.number))

    def put(self, made: Iterable[tuple[str, Stamp, bytes]]) -> None:
        """Keep packed observations, in one step.

        Raises
        ------
        StoppedError
            If the file cannot be written.
        """
        with self._told(), self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?)",
                [
                    (os.fsencode(place), stamp.bytes, stamp.number, packed)
                    for place, stamp, packed in made
                ],
            )

    def get(self, place: str) -> Observation | None:
        """Return what was observed of an image, or None if that is not there or damaged."""
        with self._told():
            found = self._connection.execute(
                "SELECT observation FROM images WHERE place = ?", (os.fsencode(place),)
            ).fetchone()
        with suppress(ValueError, zlib.error, TypeError):
            return unpack(found[0], self._tensors)
        return None

    def forget(self, place: str) -> None:
        """Let go of what is damaged."""
        with self._told(), self._connection:
            self._connection.execute("DELETE FROM images WHERE place = ?", (os.fsencode(place),))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoppedError(
                f"the cache of activations {printable(str(self.path))} cannot be used: {error}. "
                "Free space, or delete it: it can be made again."
            ) from error


def pack(observation: Observation) -> bytes:
    """Return an observation as bytes."""
    # All lowest bytes, then all second ones, and so on: the higher are zeros and shrink to nothing.
    counts = observation.counts.astype("<u4").reshape(-1, 1).view("u1").T
    parts = (observation.peaks.astype("<f4"), observation.tops.astype("u1"), counts)
    return zlib.compress(b"".join(part.tobytes() for part in parts), _FAST)


def unpack(data: bytes, tensors: int) -> Observation:
    """Return the observation that `pack` packed.

    Raises
    ------
    ValueError, zlib.error
        If it is none of as many tensors, or contradicts itself.
    """
    wanted = tensors * _BYTES_A_TENSOR
    flat = zlib.decompressobj().decompress(data, wanted + 1)
    if len(flat) != wanted:
        raise ValueError("it is of another length")
    peaks = np.frombuffer(flat, "<f4", tensors).astype(np.float32, copy=False)
    tops = np.frombuffer(flat, "u1", tensors, 4 * tensors)
    planes = np.frombuffer(flat, "u1", offset=5 * tensors).reshape(4, -1)
    counts = np.ascontiguousarray(planes.T).view("<u4").reshape(tensors, BINS)
    if not (np.isfinite(peaks).all() and (top_octaves(peaks) == tops).all()):
        raise ValueError("its octaves are not those of its largest magnitudes")
    return Observation(peaks, tops, counts)
