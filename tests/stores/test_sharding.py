"""How rows lie in chunks and shards, and the index that ends a shard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.stores.sharding import (
    ABSENT,
    Sharding,
    Span,
    crc_bytes,
    decode_index,
    encode_index,
    index_bytes,
)

ROW_BYTES = 3 * 640 * 640


def test_a_large_set_has_shards_of_64_mib():
    """Rows of 640x640 are chunks of their own, 54 of them a shard."""
    sharding = Sharding.of(118_287, ROW_BYTES)
    assert sharding == Sharding(chunk_rows=1, shard_rows=54)
    assert sharding.shard_rows * ROW_BYTES <= 2**26 < (sharding.shard_rows + 1) * ROW_BYTES


def test_a_small_set_has_shards_for_many_workers():
    """A hundred rows are not two shards."""
    assert Sharding.of(100, ROW_BYTES) == Sharding(chunk_rows=1, shard_rows=1)
    assert Sharding.of(1000, ROW_BYTES).shards(1000) >= 60


def test_small_rows_share_a_chunk():
    """Of 64x64, 21 rows are a chunk of 256 kB."""
    sharding = Sharding.of(200_000, 3 * 64 * 64)
    assert sharding.chunk_rows == 21
    assert sharding.shard_rows % 21 == 0


@given(st.integers(1, 10**7), st.integers(1, 10**8))
def test_a_shard_consists_of_whole_chunks(rows, row_bytes):
    """Whatever the size of set and row, and no shard of several chunks has more than 64 MiB."""
    sharding = Sharding.of(rows, row_bytes)
    assert sharding.chunk_rows >= 1
    assert sharding.shard_rows == sharding.chunks * sharding.chunk_rows
    assert sharding.chunks == 1 or sharding.shard_rows * row_bytes <= 2**26


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 200), st.integers(0, 100))
def test_pieces_cover_rows_once_each_in_one_chunk(chunk_rows, chunks, start, count):
    """In order, without a gap, each within its chunk."""
    sharding = Sharding(chunk_rows=chunk_rows, shard_rows=chunks * chunk_rows)
    covered: list[int] = []
    for piece in sharding.pieces(start, start + count):
        covered += range(piece.start, piece.stop)
        for place, row in enumerate(range(piece.start, piece.stop)):
            shard, within = divmod(row, sharding.shard_rows)
            assert (shard, *divmod(within, chunk_rows)) == (
                piece.shard,
                piece.chunk,
                piece.first + place,
            )
    assert covered == list(range(start, start + count))


SPANS = st.lists(
    st.one_of(st.just(ABSENT), st.builds(Span, st.integers(0, 10**6), st.integers(1, 10**6))),
    min_size=1,
    max_size=20,
)


@given(SPANS)
def test_an_index_comes_back(spans):
    """As it was written."""
    data = encode_index(spans)
    assert len(data) == index_bytes(len(spans))
    assert decode_index(data, len(spans), 3 * 10**6 + len(data)) == spans


@given(SPANS, st.data())
def test_a_flipped_bit_of_an_index_is_found(spans, draw):
    """Its checksum covers all of it."""
    data = bytearray(encode_index(spans))
    bit = draw.draw(st.integers(0, 8 * len(data) - 1))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError, match="its index is damaged"):
        decode_index(bytes(data), len(spans), 3 * 10**6)


@pytest.mark.parametrize(
    ("entry", "size"),
    [((0, 10), 9), ((5, 10), 14), ((2**64 - 1, 3), 10**6), ((0, 0), 100), ((0, 2**64 - 1), 100)],
)
def test_an_index_that_leads_out_of_its_shard_is_refused(entry, size):
    """Though its checksum is right: it may have been made so."""
    body = np.array([entry], "<u8").tobytes()
    with pytest.raises(ValueError, match="its index is damaged"):
        decode_index(body + crc_bytes(body), 1, size + index_bytes(1))
