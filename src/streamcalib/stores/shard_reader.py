"""Shards that are read: their chunks, each held to its checksum."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.pixels.checksum import extended
from streamcalib.stores.compression import Compressor
from streamcalib.stores.sharding import (
    ABSENT,
    CRC_BYTES,
    crc_bytes,
    decode_index,
    index_bytes,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.stores.objects import Objects, OpenObject
    from streamcalib.stores.sharding import Piece, Span
    from streamcalib.stores.zarr_layout import ZarrLayout

_OPEN_SHARDS = 16


class Shard:
    """A shard that is being read.

    Attributes
    ----------
    spans
        Where its chunks are; those that are missing are `ABSENT`.
    """

    def __init__(self, file: OpenObject, chunks: int) -> None:
        """Read the index; raises ``ValueError`` if it is damaged, and ``OSError``."""
        self.file = file
        size = min(file.size, index_bytes(chunks))
        self.spans: list[Span] = decode_index(file.read(file.size - size, size), chunks, file.size)

    def stored(self, chunk: int) -> bytes:
        """Return a chunk as it is stored, its checksum included; raises ``OSError``."""
        return self.file.read(*self.spans[chunk])

    def restore(self, chunk: int, compressor: Compressor, out: NDArray[Any]) -> None:
        """Read a chunk into C-contiguous ``out``.

        Raises
        ------
        ValueError
            If the chunk is missing or damaged.
        OSError
            If it cannot be read.
        """
        span = self.spans[chunk]
        if span == ABSENT:
            raise ValueError("it is missing")
        if compressor.is_none and span.size == out.nbytes + CRC_BYTES:
            view = out.reshape(-1).view(np.uint8)
            read = self.file.read_into(span.offset, view.data)
            crc = self.file.read(span.offset + out.nbytes, CRC_BYTES)
            if read < out.nbytes or extended(0, view).to_bytes(CRC_BYTES, "little") != crc:
                raise ValueError("its checksum is wrong")
            return
        data = self.stored(chunk)
        body, crc = memoryview(data)[:-CRC_BYTES], data[-CRC_BYTES:]
        if len(data) < span.size or crc_bytes(body) != crc:
            raise ValueError("its checksum is wrong")
        compressor.decode(body, out)

    def close(self) -> None:
        """Let go of it."""
        self.file.close()


def open_shard(objects: Objects, name: str, chunks: int) -> Shard | None:
    """Open a shard, or return None if there is none; raises as `Shard` does."""
    file = objects.open(name)
    if file is None:
        return None
    try:
        return Shard(file, chunks)
    except BaseException:
        file.close()
        raise


class ShardReader:
    """Reads rows of a sharded array; safe to share among threads.

    A few shards are held open, as they were when they were first read.
    """

    def __init__(self, objects: Objects, layout: ZarrLayout) -> None:
        self._objects, self._layout = objects, layout
        self._compressor = Compressor(layout.compression, layout.item_bytes)
        self._lock = threading.Lock()
        self._open: OrderedDict[int, Shard] = OrderedDict()

    def read(self, start: int, out: NDArray[Any]) -> dict[int, str]:
        """Read rows from ``start`` on into C-contiguous ``out`` (k, *row shape).

        Returns what is wrong with rows that could not be read, which are all zeros then; raises
        ``OSError``.
        """
        faults: dict[int, str] = {}
        for piece in self._layout.sharding.pieces(start, start + len(out)):
            part = out[piece.start - start : piece.stop - start]
            try:
                self._restore(piece, part)
            except ValueError as error:
                part[:] = 0
                faults |= dict.fromkeys(range(piece.start, piece.stop), str(error))
        return faults

    def _restore(self, piece: Piece, out: NDArray[Any]) -> None:
        shard = self._shard(piece.shard)
        chunk_rows = self._layout.sharding.chunk_rows
        try:
            if len(out) == chunk_rows:
                shard.restore(piece.chunk, self._compressor, out)
            else:
                # Zeros, as a compressed chunk may restore to less than a whole one.
                whole = np.zeros((chunk_rows, *out.shape[1:]), out.dtype)
                shard.restore(piece.chunk, self._compressor, whole)
                out[:] = whole[piece.first : piece.first + len(out)]
        except ValueError as error:
            name = self._layout.shard_name(piece.shard)
            raise ValueError(f"its chunk {piece.chunk} in shard {name}: {error}") from error

    def _shard(self, number: int) -> Shard:
        with self._lock:
            if number in self._open:
                self._open.move_to_end(number)
                return self._open[number]
        name = self._layout.shard_name(number)
        try:
            shard = open_shard(self._objects, name, self._layout.sharding.chunks)
        except ValueError as error:
            raise ValueError(f"its shard {name}: {error}") from error
        if shard is None:
            raise ValueError(f"its shard {name} is missing")
        with self._lock:
            self._open[number] = shard
            while len(self._open) > _OPEN_SHARDS:
                # Others may be reading it: it closes when the last of them lets go.
                self._open.popitem(last=False)
        return shard
