"""How the rows of a zarr array lie in chunks, and these in shards; and how a shard ends.

A shard is one file or object: its chunks one after another, then an index of where each of them is
(zarr's codec ``sharding_indexed``, version 1.0 of its specification).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import google_crc32c
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_CHUNK_BYTES = 2**18
_SHARD_BYTES = 2**26
# Of a small set too there are shards enough for many workers.
_LEAST_SHARDS = 64
_ENTRY = np.dtype("<u8")
_MISSING = np.iinfo(np.uint64).max
CRC_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Sharding:
    """How many rows share a chunk, and how many a shard.

    Attributes
    ----------
    chunk_rows
        Rows that are encoded and read together.
    shard_rows
        Rows of a file or object; a multiple of ``chunk_rows``.
    """

    chunk_rows: int
    shard_rows: int

    @classmethod
    def of(cls, rows: int, row_bytes: int) -> Sharding:
        """Return the sharding of a set of ``rows``, each of ``row_bytes``.

        Chunks are single rows, or some 256 kB of small ones; shards have 64 MiB, less in small
        sets. It depends on nothing else, so that a set is the same whoever builds it.
        """
        chunk_rows = max(1, _CHUNK_BYTES // row_bytes)
        shard_bytes = min(_SHARD_BYTES, rows * row_bytes // _LEAST_SHARDS)
        chunks = max(1, shard_bytes // (chunk_rows * row_bytes))
        return cls(chunk_rows=chunk_rows, shard_rows=chunks * chunk_rows)

    @property
    def chunks(self) -> int:
        """Chunks in a shard."""
        return self.shard_rows // self.chunk_rows

    def shards(self, rows: int) -> int:
        """Return how many shards hold so many rows."""
        return -(-rows // self.shard_rows)

    def pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """Yield the parts of rows ``start`` to ``stop`` that lie in one chunk each, in order."""
        while start < stop:
            shard, within = divmod(start, self.shard_rows)
            chunk, first = divmod(within, self.chunk_rows)
            end = min(stop, start - first + self.chunk_rows)
            yield Piece(shard, chunk, first, start, end)
            start = end


class Piece(NamedTuple):
    """Rows ``start`` to ``stop``, which lie in one chunk of a shard, from its row ``first`` on."""

    shard: int
    chunk: int
    first: int
    start: int
    stop: int


class Span(NamedTuple):
    """Where a chunk is in its shard, in bytes; one that is missing has no bytes."""

    offset: int
    size: int


ABSENT = Span(0, 0)


def index_bytes(chunks: int) -> int:
    """Return the size of a shard's index, in bytes."""
    return chunks * 2 * _ENTRY.itemsize + CRC_BYTES


def encode_index(spans: Sequence[Span]) -> bytes:
    """Return the index that ends a shard."""
    entries = np.array([(_MISSING, _MISSING) if s == ABSENT else s for s in spans], _ENTRY)
    data = entries.tobytes()
    return data + crc_bytes(data)


def decode_index(data: bytes, chunks: int, shard_bytes: int) -> list[Span]:
    """Return where the chunks are of a shard of ``shard_bytes`` that ends with ``data``.

    Raises
    ------
    ValueError
        If it is no index of so many chunks, or speaks of what is not in the shard.
    """
    body, crc = data[:-CRC_BYTES], data[-CRC_BYTES:]
    if len(data) != index_bytes(chunks) or crc_bytes(body) != crc:
        raise ValueError("its index is damaged")
    entries: NDArray[np.uint64] = np.frombuffer(body, _ENTRY).reshape(chunks, 2)
    end = shard_bytes - len(data)
    spans = []
    for offset, size in entries.tolist():
        if offset == size == _MISSING:
            spans.append(ABSENT)
        elif size and offset + size <= end:
            spans.append(Span(offset, size))
        else:
            raise ValueError("its index is damaged")
    return spans


def crc_bytes(data: bytes | memoryview) -> bytes:
    """Return the CRC-32C of ``data`` as zarr's codec ``crc32c`` appends it."""
    flat: NDArray[np.uint8] = np.frombuffer(data, np.uint8)
    # The package refuses, or copies, what could be written to.
    flat.flags.writeable = False
    return int(google_crc32c.value(flat)).to_bytes(CRC_BYTES, "little")
