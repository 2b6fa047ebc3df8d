"""The ``.zarr`` store: an array of zarr format 3 in shards, each written whole by one worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from streamcalib.stores.remote import RemoteObjects
from streamcalib.stores.shard_reader import open_shard
from streamcalib.stores.shard_writer import ShardWriter, rewrite
from streamcalib.stores.sharded import ShardedRows
from streamcalib.stores.sharding import ABSENT
from streamcalib.stores.writeback import FilesBehind
from streamcalib.stores.zarr_layout import METADATA_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamcalib.stores.objects import Objects
    from streamcalib.stores.zarr_layout import ZarrLayout

# Behind a URL, looking at a shard is mostly waiting.
_LOOKING_THREADS = 16


@dataclass(frozen=True, kw_only=True)
class ZarrStore:
    """The shards of a zarr array; see `Store`.

    They become an array once its metadata stands beside them.
    """

    objects: Objects
    layout: ZarrLayout

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.layout.shape[0]

    @property
    def row_bytes(self) -> int:
        """Size of one row before compression, in bytes."""
        return self.layout.row_bytes

    @property
    def rows_together(self) -> int:
        """How many rows one worker is to write: those of a shard."""
        return self.layout.sharding.shard_rows

    @property
    def shown(self) -> str:
        """Where it is, for messages."""
        return self.objects.shown

    def exists(self) -> bool:
        """Whether the place is there; raises ``OSError``."""
        return self.objects.exists()

    def create(self) -> None:
        """Make the place for shards, and leave none of an earlier array there."""
        self.objects.make_place()
        # Without metadata it is no array; then nobody misses its shards.
        self.objects.remove([METADATA_NAME])
        self.objects.remove(self.objects.names())

    def reopen(self) -> NDArray[np.bool_]:
        """Return which rows the shards hold, (N,), and remove what is no part of them."""
        self.objects.make_place()
        names = self.layout.shard_names
        there = self.objects.names()
        self.objects.remove(there.difference(names))
        held = np.zeros(len(names) * self.rows_together, bool)
        found = [number for number, name in enumerate(names) if name in there]
        with ThreadPoolExecutor(_LOOKING_THREADS) as pool:
            chunks = pool.map(self._chunks_of, (names[number] for number in found))
            for number, chunk_held in zip(found, chunks, strict=True):
                first = number * self.rows_together
                rows_held = np.repeat(chunk_held, self.layout.sharding.chunk_rows)
                held[first : first + self.rows_together] = rows_held
        return held[: self.rows]

    def _chunks_of(self, name: str) -> NDArray[np.bool_]:
        chunks = self.layout.sharding.chunks
        try:
            shard = open_shard(self.objects, name, chunks)
        except ValueError:
            shard = None
        if shard is None:
            return np.zeros(chunks, bool)
        shard.close()
        return np.array([span != ABSENT for span in shard.spans])

    def writer(self, window_bytes: int | None = None, *, mapped: bool = False) -> ShardWriter:  # noqa: ARG002
        """Return a writer; see `Store.writer`. Shards need not be mapped: each has one writer."""
        behind = None if window_bytes is None else FilesBehind(window_bytes)
        return ShardWriter(self.objects, self.layout, behind)

    def read(self) -> ShardedRows:
        """Return the rows, to be read."""
        return ShardedRows(self.objects, self.layout)

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copy rows ``sources`` over rows ``targets``; a shard is written again once."""
        pairs = sorted(zip(targets, sources, strict=True))
        rows = self.read()
        for _, group in groupby(pairs, lambda pair: pair[0] // self.rows_together):
            # All of them are read before the shard that may hold some of them is written again.
            moved = [(target, rows.read(source, source + 1)) for target, source in group]
            with self.writer() as writer:
                for target, row in moved:
                    writer.write(target, row)

    def shorten(self, rows: int) -> ZarrStore:
        """Drop the rows from ``rows`` on."""
        shorter = replace(self, layout=replace(self.layout, shape=(rows, *self.layout.shape[1:])))
        names = shorter.layout.shard_names
        self.objects.remove(self.objects.names().difference(names))
        last = len(names) - 1
        rewrite(self.objects, shorter.layout, last, rows - last * self.rows_together)
        self.objects.sync([names[last]])
        return shorter

    def flusher(self) -> ShardFlusher:
        """Return what makes rows durable that workers have written."""
        return ShardFlusher(self)

    def sync(self) -> None:
        """Make all shards that are there durable."""
        self.objects.sync(self.objects.names())


def is_behind_url(store: object) -> bool:
    """Whether a store is behind a URL, where all hosts see it."""
    return isinstance(store, ZarrStore) and isinstance(store.objects, RemoteObjects)


class ShardFlusher:
    """Makes those shards durable that were written since it last did; see `Flusher`."""

    def __init__(self, store: ZarrStore) -> None:
        self._store = store
        self._written: set[int] = set()

    def wrote(self, rows: NDArray[np.int64]) -> None:
        """Note rows that were written."""
        self._written.update(np.unique(rows // self._store.rows_together).tolist())

    def flush(self) -> None:
        """Make what was noted durable; raises ``OSError``."""
        layout = self._store.layout
        self._store.objects.sync([layout.shard_name(shard) for shard in sorted(self._written)])
        self._written.clear()

    def close(self) -> None:
        """Do nothing: no shard is held open."""
