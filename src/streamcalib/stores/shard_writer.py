"""Shards that are written: chunk after chunk in their order, then the index.

zarr-python builds a whole shard in memory and copies it several times; here a chunk goes to its
file as soon as it is there. A shard that exists already keeps those of its rows that are not
written again, so that its bytes do not depend on how often, or in what order, it was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.stores.compression import Compressor
from streamcalib.stores.shard_reader import Shard, open_shard
from streamcalib.stores.sharding import ABSENT, CRC_BYTES, Span, crc_bytes, encode_index

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from streamcalib.stores.objects import NewObject, Objects
    from streamcalib.stores.sharding import Piece
    from streamcalib.stores.writeback import FilesBehind
    from streamcalib.stores.zarr_layout import ZarrLayout


class ShardWriter:
    """Writes rows of a sharded array; see `RowWriter`.

    Whoever else writes meanwhile must be at other shards.
    """

    def __init__(
        self, objects: Objects, layout: ZarrLayout, behind: FilesBehind | None = None
    ) -> None:
        self._objects, self._layout, self._behind = objects, layout, behind
        self._compressor = Compressor(layout.compression, layout.item_bytes)
        self._shard: _ShardInWork | None = None
        self._chunk: _ChunkInWork | None = None
        self._row: NDArray[Any] | None = None

    def write_part(self, index: int, offset: int, part: NDArray[Any]) -> None:
        """Keep parts of a row, in order, until it is whole; then write it.

        A chunk is compressed and summed as a whole.
        """
        if offset == 0 or self._row is None:
            self._row = np.empty(self._layout.shape[1:], self._layout.dtype)
        whole = self._row.reshape(-1).view(np.uint8)
        end = offset + part.nbytes
        whole[offset:end] = part.reshape(-1).view(np.uint8)
        if end == whole.nbytes:
            row, self._row = self._row, None
            self.write(index, row)

    def write(self, index: int, rows: NDArray[Any], sums: Sequence[int] | None = None) -> None:
        """Write consecutive rows, or a single one; see `RowWriter.write`."""
        rows = rows.reshape(-1, *self._layout.shape[1:])
        for piece in self._layout.sharding.pieces(index, index + len(rows)):
            place = slice(piece.start - index, piece.stop - index)
            if piece.stop - piece.start == self._layout.sharding.chunk_rows:
                is_row = self._layout.sharding.chunk_rows == 1
                crc = sums[place.start] if sums is not None and is_row else None
                self._at(piece).put(piece.chunk, rows[place], crc)
            else:
                self._collect(piece, rows[place])

    def _at(self, piece: Piece) -> _ShardInWork:
        """Return the shard of a piece, ready for its chunk."""
        if self._chunk is not None and self._chunk.key != (piece.shard, piece.chunk):
            self._put_chunk()
        if self._shard is not None and not self._shard.can_take(piece):
            self._shard.finish()
            self._shard = None
        if self._shard is None:
            self._shard = _ShardInWork(
                self._objects, self._layout, piece.shard, self._compressor, self._behind
            )
        return self._shard

    def _collect(self, piece: Piece, rows: NDArray[Any]) -> None:
        """Add some of the rows of a chunk, the others of which come next or are there already."""
        shard = self._at(piece)
        if self._chunk is None:
            self._chunk = _ChunkInWork(piece, shard.as_it_was(piece.chunk))
        self._chunk.rows[piece.first : piece.first + len(rows)] = rows

    def _put_chunk(self) -> None:
        chunk, self._chunk = self._chunk, None
        if chunk is not None and self._shard is not None:
            self._shard.put(chunk.key[1], chunk.rows, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._put_chunk()
                if self._shard is not None:
                    shard, self._shard = self._shard, None
                    shard.finish()
        finally:
            if self._shard is not None:
                self._shard.abort()
                self._shard = None


class _ChunkInWork:
    """A chunk of several rows whose rows come one after another."""

    def __init__(self, piece: Piece, rows: NDArray[Any]) -> None:
        self.key = (piece.shard, piece.chunk)
        self.rows = rows


class _ShardInWork:
    """One shard that is being written."""

    def __init__(
        self,
        objects: Objects,
        layout: ZarrLayout,
        number: int,
        compressor: Compressor,
        behind: FilesBehind | None,
    ) -> None:
        self._layout, self._number, self._compressor = layout, number, compressor
        name = layout.shard_name(number)
        self._before = _before(objects, name, layout.sharding.chunks)
        self._new: NewObject = objects.create(name, behind)
        self._spans: list[Span] = []
        self._size = 0

    def can_take(self, piece: Piece) -> bool:
        """Whether a piece's chunk is one that comes next in this shard."""
        return piece.shard == self._number and piece.chunk >= len(self._spans)

    def as_it_was(self, chunk: int) -> NDArray[Any]:
        """Return a chunk's rows as they are stored, zeros where there are none."""
        rows = np.zeros(self._layout.chunk_shape, self._layout.dtype)
        if self._before is not None and self._before.spans[chunk] != ABSENT:
            try:
                self._before.restore(chunk, self._compressor, rows)
            except ValueError:
                # Of damaged rows the journal knows, and they are made again.
                rows[:] = 0
        return rows

    def put(self, chunk: int, rows: NDArray[Any], crc: int | None) -> None:
        """Write a chunk, and before it those between that are there already."""
        self.keep_until(chunk)
        data = self._compressor.encode(rows)
        known = crc is not None and self._compressor.is_none
        tail = int(crc or 0).to_bytes(CRC_BYTES, "little") if known else crc_bytes(data)
        self._append(data, tail)

    def finish(self) -> None:
        """Write the index, and let the shard appear."""
        try:
            self.keep_until(self._layout.sharding.chunks)
            self._new.append(encode_index(self._spans))
        except BaseException:
            self.abort()
            raise
        self._new.commit()
        self._close()

    def abort(self) -> None:
        """Leave the shard as it was."""
        self._new.abort()
        self._close()

    def forget_before(self) -> None:
        """Keep nothing of what was there beyond what has been written now."""
        self._close()
        self._before = None

    def keep_until(self, chunk: int) -> None:
        """Write the chunks before ``chunk`` that are there already."""
        while len(self._spans) < chunk:
            number = len(self._spans)
            if self._before is None or self._before.spans[number] == ABSENT:
                self._spans.append(ABSENT)
            else:
                self._append(self._before.stored(number))

    def _append(self, *parts: Any) -> None:
        start = self._size
        for part in parts:
            self._new.append(part)
            self._size += len(part)
        self._spans.append(Span(start, self._size - start))

    def _close(self) -> None:
        if self._before is not None:
            self._before.close()


def _before(objects: Objects, name: str, chunks: int) -> Shard | None:
    try:
        return open_shard(objects, name, chunks)
    except ValueError:
        # What is damaged holds nothing that the journal could know as done.
        return None


def rewrite(objects: Objects, layout: ZarrLayout, number: int, rows: int) -> None:
    """Write a shard again with the first ``rows`` of its rows alone; raises ``OSError``."""
    compressor = Compressor(layout.compression, layout.item_bytes)
    shard = _ShardInWork(objects, layout, number, compressor, None)
    try:
        full, left = divmod(rows, layout.sharding.chunk_rows)
        shard.keep_until(full)
        if left:
            chunk = shard.as_it_was(full)
            chunk[left:] = 0
            shard.put(full, chunk, None)
        shard.forget_before()
    except BaseException:
        shard.abort()
        raise
    shard.finish()
