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

from streamcalib.choosing.activations.histogram import BINS
from streamcalib.choosing.activations.observer import Observation
from streamcalib.errors import StoppedError
from streamcalib.images.archives.cache import cache_folder
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
    """Observations by image, in a file of the user's cache folder, or a passing one if need be.

    Parameters
    ----------
    key
        Hexadecimal digits that stand for the graph, the recipe, and how tensors are counted.
    tensors
        How many tensors an observation is of.
    kept
        Whether a later run shall find them.
    """

    def __init__(self, key: str, tensors: int, *, kept: bool = True) -> None:
        self._tensors = tensors
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        folder = cache_folder(os.environ) if kept else None
        path = None if folder is None else folder / "activations" / f"{key}.sqlite"
        try:
            if path is None:
                raise OSError("there is no cache folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._opened(path)
        except (OSError, sqlite3.Error):
            self._scratch = tempfile.TemporaryDirectory(prefix="streamcalib-")
            path = Path(self._scratch.name, "activations.sqlite")
            self._connection = self._opened(path)
        self.path = path

    def _opened(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
        try:
            # What a power cut takes can be made again.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
            connection.execute("SELECT place FROM images LIMIT 1").fetchone()
        except sqlite3.DatabaseError as error:
            connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise
            # It is no database: nobody else's file has this name.
            path.unlink()
            return self._opened(path)
        return connection

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
    parts = (
        observation.peaks.astype("<f4"),
        observation.tops.astype("u1"),
        observation.counts.astype("<u4"),
    )
    return zlib.compress(b"".join(part.tobytes() for part in parts), _FAST)


def unpack(data: bytes, tensors: int) -> Observation:
    """Return the observation that `pack` packed.

    Raises
    ------
    ValueError, zlib.error
        If it is none of as many tensors.
    """
    wanted = tensors * _BYTES_A_TENSOR
    flat = zlib.decompressobj().decompress(data, wanted + 1)
    if len(flat) != wanted:
        raise ValueError("it is of another length")
    peaks = np.frombuffer(flat, "<f4", tensors)
    tops = np.frombuffer(flat, "u1", tensors, 4 * tensors)
    counts = np.frombuffer(flat, "<u4", offset=5 * tensors).reshape(tensors, BINS)
    return Observation(peaks, tops, counts)
