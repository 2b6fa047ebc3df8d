"""The zarr store: what others read of it, and what becomes of damage."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import tensorstore
import zarr

from stores.test_conformance import ROWS, made_rows, make_store, write
from streamcalib.errors import DamagedError
from streamcalib.stores.zarr_layout import METADATA_NAME, ZarrLayout

KINDS = ["none 1/5", "zstd 1/5", "blosc 1/5", "none 3/6", "zstd 3/6", "blosc 3/6"]


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def store(kind, tmp_path):
    """All rows written."""
    made = make_store(kind, tmp_path)
    made.create()
    write(made, made_rows(), range(ROWS))
    return made


def with_metadata(store, attributes=None):
    (store.objects.folder / METADATA_NAME).write_bytes(store.layout.metadata(attributes or {}))
    return store.objects.folder


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_zarr_python_reads_the_same(kind, tmp_path, dtype):
    """Shape, dtype, chunks, shards, attributes, and every value."""
    store, rows = make_store(kind, tmp_path, dtype), made_rows(dtype)
    store.create()
    write(store, rows, range(ROWS))
    array = zarr.open(with_metadata(store, {"said": [1, "two"]}), mode="r")
    sharding = store.layout.sharding
    assert (array.shape, array.dtype) == (rows.shape, rows.dtype)
    assert array.chunks[0] == sharding.chunk_rows
    assert array.shards[0] == sharding.shard_rows
    assert dict(array.attrs) == {"said": [1, "two"]}
    np.testing.assert_array_equal(array[:], rows)


def test_tensorstore_reads_the_same(store):
    """A second implementation of the format, in C++."""
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(with_metadata(store))}}
    read = tensorstore.open(spec).result().read().result()
    np.testing.assert_array_equal(read, made_rows())


def test_what_zarr_python_writes_is_read(store):
    """Into the same array, by its own encoder; chunks in another order are the same chunks."""
    rows = made_rows()[::-1].copy()
    # By default it leaves out what is all zeros, which here is missing.
    with zarr.config.set({"array.write_empty_chunks": True}):
        array = zarr.open_array(with_metadata(store), mode="r+")
        array[:] = rows
    np.testing.assert_array_equal(store.read().read(0, ROWS), rows)


def test_black_rows_are_written(store):
    """An array of zeros is none that is missing."""
    name = store.layout.shard_name(2 // store.rows_together)
    (store.objects.folder / name).unlink()
    rows = np.zeros_like(made_rows())
    write(store, rows, range(ROWS))
    assert store.read().attempt(0, ROWS)[1] == {}
    assert store.reopen().all()


def test_metadata_tells_the_layout(store):
    """Of an array of one's own, as of one that another version of zarr-python wrote."""
    values = json.loads(store.layout.metadata({}))
    assert ZarrLayout.from_metadata(values) == store.layout
    del values["codecs"][0]["configuration"]["index_location"]
    values["future"] = {"must_understand": False}
    assert ZarrLayout.from_metadata(values) == store.layout


def change(path: str, value):
    def changed(values):
        *way, last = path.split("/")
        place = values
        for name in way:
            place = place[int(name) if name.isdigit() else name]
        place[int(last) if last.isdigit() else last] = value
        return values

    return changed


INNER = "codecs/0/configuration/codecs"


@pytest.mark.parametrize(
    "changed",
    [
        lambda values: [],
        lambda values: None,
        lambda values: {},
        change("zarr_format", 2),
        change("node_type", "group"),
        change("shape", [ROWS, 3, 4]),
        change("shape", [0, 3, 4, 5]),
        change("shape", [ROWS, 3, 4, -5]),
        change("shape", [ROWS, 3, 4, 5.0]),
        change("shape", "23"),
        change("data_type", "float64"),
        change("data_type", "object"),
        change("chunk_grid/name", "rectilinear"),
        change("chunk_grid/configuration/chunk_shape", [5, 3, 2, 5]),
        change("chunk_grid/configuration/chunk_shape", [0, 3, 4, 5]),
        change("chunk_grid/configuration/chunk_shape", [2**30, 3, 4, 5]),
        change("chunk_key_encoding/name", "v2"),
        change("chunk_key_encoding/configuration/separator", "/"),
        change("codecs", []),
        change("codecs/0/name", "bytes"),
        change("codecs/0/configuration/index_location", "start"),
        change("codecs/0/configuration/index_codecs", [{"name": "bytes"}]),
        change("codecs/0/configuration/chunk_shape", [2, 3, 4, 5]),
        change(f"{INNER}/0/name", "vlen-utf8"),
        change(f"{INNER}/0", {"name": "bytes", "configuration": {"endian": "big"}}),
        change(INNER, [{"name": "bytes"}]),
        change(INNER, [{"name": "bytes"}, {"name": "gzip"}, {"name": "crc32c"}]),
        change(INNER, [{"name": "transpose"}, {"name": "bytes"}, {"name": "crc32c"}]),
    ],
)
def test_other_metadata_is_refused(tmp_path, changed):
    """Whatever would be read otherwise than it was written, and whatever is no metadata at all."""
    store = make_store("none 1/5", tmp_path)
    values = json.loads(store.layout.metadata({}))
    with pytest.raises(ValueError, match=r"amiss|no array|codecs"):
        ZarrLayout.from_metadata(changed(values))


def test_a_missing_shard_is_no_row_of_zeros(store):
    """Unlike in zarr itself, which cannot know; its rows are named."""
    together = store.rows_together
    name = store.layout.shard_name(1)
    (store.objects.folder / name).unlink()
    rows, faults = store.read().attempt(0, ROWS)
    assert set(faults) == set(range(together, 2 * together))
    assert faults[together] == f"its shard {name} is missing"
    whole = [row for row in range(ROWS) if row not in faults]
    np.testing.assert_array_equal(rows[whole], made_rows()[whole])
    with pytest.raises(DamagedError, match=f"row {together} of .* {name} is missing"):
        store.read().read(0, ROWS)
    assert list(np.flatnonzero(~store.reopen())) == sorted(faults)


def test_a_flipped_bit_is_found_and_named(store, kind):
    """In a chunk its rows alone; in an index all rows of the shard."""
    path = store.objects.folder / store.layout.shard_name(0)
    data = bytearray(path.read_bytes())
    data[3] ^= 4
    path.write_bytes(data)
    _, faults = store.read().attempt(0, ROWS)
    assert list(faults) == list(range(store.layout.sharding.chunk_rows))
    assert "its checksum is wrong" in faults[0]
    data[-1] ^= 1
    path.write_bytes(data)
    _, faults = store.read().attempt(0, ROWS)
    assert list(faults) == list(range(store.rows_together))
    assert faults[0] == f"its shard {path.name}: its index is damaged"


@pytest.mark.parametrize("size", [0, 1, 7, 30])
def test_a_shard_cut_short_is_damaged(store, size):
    """Its index is at its end."""
    path = store.objects.folder / store.layout.shard_name(0)
    os.truncate(path, size)
    _, faults = store.read().attempt(0, ROWS)
    assert set(faults) == set(range(store.rows_together))


def test_damaged_shards_are_written_anew(store):
    """What cannot be read is nothing to be kept."""
    rows = made_rows()
    path = store.objects.folder / store.layout.shard_name(0)
    os.truncate(path, 9)
    assert not store.reopen()[: store.rows_together].any()
    write(store, rows, range(store.rows_together))
    np.testing.assert_array_equal(store.read().read(0, ROWS), rows)


def test_what_a_killed_writer_began_goes_when_the_store_is_reopened(store):
    """And what else is no shard of this array."""
    folder = store.objects.folder
    (folder / "c.0.0.0.0.1a2b3c4d.part").write_bytes(b"half")
    (folder / METADATA_NAME).write_bytes(b"{}")
    (folder / "c.99.0.0.0").write_bytes(b"of a longer one")
    assert store.reopen().all()
    assert {path.name for path in folder.iterdir()} == set(store.layout.shard_names)


def test_a_shard_that_is_replaced_is_durable_before_it_has_the_name(store, monkeypatch):
    """Its other rows are known as durable already."""
    steps: list[str] = []
    monkeypatch.setattr("streamcalib.stores.objects.sync_data", lambda file: steps.append("sync"))
    replace = type(store.objects.folder).replace
    monkeypatch.setattr(
        type(store.objects.folder),
        "replace",
        lambda self, other: (steps.append("rename"), replace(self, other))[1],
    )
    write(store, made_rows(), [0])
    assert steps == ["sync", "rename"]


def test_stores_are_sent_to_workers_by_value(store):
    """And read there what is here."""
    copy = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(copy.read().read(0, ROWS), made_rows())


def opened_files(folder: Path) -> list[str]:
    links = [os.readlink(f) for f in Path("/proc/self/fd").iterdir() if os.path.lexists(f)]  # noqa: PTH115
    return [name for name in links if name.startswith(str(folder))]


def test_few_shards_are_held_open(tmp_path):
    """A set has thousands of them; whoever reads or writes holds a few, and none in the end."""
    store = make_store("none 1/1", tmp_path, rows=60)
    store.create()
    writer = store.writer(10**9)
    with writer:
        for number, row in enumerate(made_rows(rows=60)):
            writer.write(number, row)
    assert 0 < len(opened_files(tmp_path)) <= 32
    del writer
    assert opened_files(tmp_path) == []
    read = store.read()
    read.read(0, 60)
    assert 0 < len(opened_files(tmp_path)) <= 16
    del read
    assert opened_files(tmp_path) == []
