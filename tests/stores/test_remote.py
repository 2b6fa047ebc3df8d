"""Objects behind a URL, on a real S3 server."""

from __future__ import annotations

import numpy as np
import pytest
from obstore.store import S3Store

from stores.test_conformance import ROWS, made_rows, write
from streamcalib.stores.remote import RemoteObjects
from streamcalib.stores.sharding import Sharding
from streamcalib.stores.zarr import ZarrStore
from streamcalib.stores.zarr_layout import ZarrLayout


@pytest.fixture
def objects(bucket) -> RemoteObjects:
    return RemoteObjects(f"{bucket.url}/a/b.zarr")


def put(objects: RemoteObjects, name: str, data: bytes) -> None:
    new = objects.create(name)
    for part in (data[:7], data[7:]):
        new.append(part)
    new.commit()


def test_objects_come_back(objects, bucket):
    """Whole, in ranges, and into buffers."""
    data = bytes(range(256)) * 40
    put(objects, "c.0", data)
    found = objects.open("c.0")
    assert found.size == len(data)
    assert found.read(0, 10**6) == data
    assert found.read(100, 50) == data[100:150]
    assert found.read(len(data) - 3, 50) == data[-3:]
    assert found.read(len(data), 5) == b""
    buffer = bytearray(60)
    assert found.read_into(len(data) - 50, memoryview(buffer)) == 50
    assert buffer[:50] == data[-50:]
    assert bytes(S3Store(bucket.name).get("a/b.zarr/c.0").bytes()) == data


def test_what_is_not_there_is_none(objects):
    """No error: shards may be missing."""
    assert objects.open("c.0") is None
    assert objects.names() == set()
    objects.remove([])
    objects.remove(["c.0", "c.1"])


def test_nothing_appears_before_it_is_committed(objects):
    """Nor after it is given up."""
    new = objects.create("c.0")
    new.append(b"half")
    assert objects.open("c.0") is None
    new.abort()
    assert objects.names() == set()


def test_names_and_sizes(objects):
    """Those directly below the URL; keys are all, in folders too."""
    for name, size in (("c.0", 10), ("zarr.json", 20), ("deeper/c.1", 30)):
        put(objects, name, bytes(size))
    assert objects.names() == {"c.0", "zarr.json"}
    assert objects.keys() == {"c.0", "zarr.json", "deeper/c.1"}
    assert objects.sizes()[f"{objects.url}/zarr.json"] == 20
    objects.remove(["c.0", "none"])
    assert objects.names() == {"zarr.json"}


def test_reading_on_asks_for_more_at_once(objects, s3_proxy):
    """A row here and there costs no more than itself; rows in order cost few requests."""
    data = np.random.default_rng(1).integers(0, 256, 300_000, np.uint8).tobytes()
    put(objects, "c.0", data)
    found = objects.open("c.0")
    s3_proxy.seen.clear()
    assert found.read(5000, 1000) == data[5000:6000]
    assert found.read(90_000, 1000) == data[90_000:91_000]
    ranges = [part for method, _, part in s3_proxy.seen if method == "GET"]
    assert ranges == ["bytes=5000-5999", "bytes=90000-90999"]
    s3_proxy.seen.clear()
    parts = [found.read(start, 1000) for start in range(91_000, 291_000, 1000)]
    assert b"".join(parts) == data[91_000:291_000]
    assert len(s3_proxy.seen) == 1


@pytest.mark.parametrize("compression", ["none", "zstd", "blosc"])
def test_a_store_behind_a_url(objects, compression):
    """Written in any order, found again, moved, cut, and read."""
    layout = ZarrLayout(
        shape=(ROWS, 3, 4, 5),
        dtype="uint8",
        sharding=Sharding(chunk_rows=3, shard_rows=6),
        compression=compression,
    )
    store, rows = ZarrStore(objects=objects, layout=layout), made_rows()
    store.create()
    write(store, rows, [*range(12, ROWS), *range(5)])
    held = store.reopen()
    assert held[:5].all()
    assert held[12:].all()
    assert not held[6:12].any()
    write(store, rows, range(5, 12))
    np.testing.assert_array_equal(store.read().read(0, ROWS), rows)
    store.move([22], [0])
    shorter = store.shorten(20)
    rows[0] = rows[22]
    np.testing.assert_array_equal(shorter.read().read(0, 20), rows[:20])
    store.create()
    assert objects.names() == set()
