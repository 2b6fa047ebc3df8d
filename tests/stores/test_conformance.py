"""What every store does, whatever its file: rows written in any order, moved, cut, found again."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamcalib.pixels.checksum import checksums
from streamcalib.stores.npy import NpyStore
from streamcalib.stores.objects import FolderObjects
from streamcalib.stores.sharding import Sharding
from streamcalib.stores.zarr import ZarrStore
from streamcalib.stores.zarr_layout import ZarrLayout

ROWS = 23
SHAPE = (3, 4, 5)

KINDS = ["npy", *(f"{c} {k}/{s}" for c in ("none", "zstd", "blosc") for k, s in ((1, 5), (3, 6)))]


def make_store(kind: str, folder: Path, dtype: str = "uint8", rows: int = ROWS):
    if kind == "npy":
        return NpyStore(path=folder / "rows.npy", rows=rows, row_shape=SHAPE, dtype=dtype)
    compression, sizes = kind.split()
    chunk_rows, shard_rows = map(int, sizes.split("/"))
    sharding = Sharding(chunk_rows=chunk_rows, shard_rows=shard_rows)
    layout = ZarrLayout(
        shape=(rows, *SHAPE), dtype=dtype, sharding=sharding, compression=compression
    )
    return ZarrStore(objects=FolderObjects(folder / "rows.zarr"), layout=layout)


def made_rows(dtype: str = "uint8", rows: int = ROWS) -> np.ndarray:
    made = np.random.default_rng(7).integers(0, 256, (rows, *SHAPE)).astype(dtype)
    made[2] = 0  # a black image must not look as if it were missing
    return made


def write(store, rows: np.ndarray, numbers) -> None:
    with store.writer(10**6) as writer:
        for number in numbers:
            writer.write(number, rows[number], checksums(rows[number][None]))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def store(kind, tmp_path):
    made = make_store(kind, tmp_path)
    made.create()
    return made


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_rows_come_back(kind, tmp_path, dtype):
    """In every dtype, one by one, in parts, and all together."""
    store, rows = make_store(kind, tmp_path, dtype), made_rows(dtype)
    store.create()
    assert store.exists()
    with store.writer() as writer:
        for start, stop in pairwise([0, 1, 4, 11, 12, 20, ROWS]):
            writer.write(start, rows[start:stop])
    read = store.read()
    assert (len(read), read.shape, read.dtype) == (ROWS, rows.shape, rows.dtype)
    assert read.row_bytes == store.row_bytes == rows[0].nbytes
    np.testing.assert_array_equal(read.read(0, ROWS), rows)
    np.testing.assert_array_equal(read.read(3, 9), rows[3:9])
    np.testing.assert_array_equal(read.read(20, 99), rows[20:])
    taken, whole = read.take([0, 1, 2, 9, 22])
    np.testing.assert_array_equal(taken, rows[[0, 1, 2, 9, 22]])
    assert whole.all()
    assert read.attempt(0, ROWS)[1] == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(ROWS)), cuts=st.lists(st.integers(0, ROWS), max_size=4))
def test_bytes_do_not_depend_on_the_order_of_writing(kind, tmp_path_factory, order, cuts):
    """However often a writer begins anew, and wherever."""
    rows = made_rows()
    straight, mixed = tmp_path_factory.mktemp("straight"), tmp_path_factory.mktemp("mixed")
    first, second = make_store(kind, straight), make_store(kind, mixed)
    first.create()
    second.create()
    write(first, rows, range(ROWS))
    for start, stop in pairwise([0, *sorted(cuts), ROWS]):
        write(second, rows, order[start:stop])
    assert files(straight) == files(mixed)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_rows_may_be_written_in_parts(kind, tmp_path, dtype):
    """Plane by plane, to the same bytes."""
    rows = made_rows(dtype)
    parts, whole = (make_store(kind, tmp_path / name, dtype) for name in ("parts", "whole"))
    for name, store in (("parts", parts), ("whole", whole)):
        (tmp_path / name).mkdir()
        store.create()
    write(whole, rows, range(ROWS))
    with parts.writer(10**6) as writer:
        for number, row in enumerate(rows):
            for channel, plane in enumerate(row):
                writer.write_part(number, channel * plane.nbytes, plane)
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_a_row_written_again_is_the_new_one(store):
    """And its neighbours stay."""
    rows = made_rows()
    write(store, rows, range(ROWS))
    rows[[1, 7, 22]] += 1
    write(store, rows, [1, 7, 22])
    np.testing.assert_array_equal(store.read().read(0, ROWS), rows)


def test_an_error_while_writing_leaves_what_was_there(store, kind):
    """Of a shard all of it, of a file all but the rows at hand."""
    rows = made_rows()
    write(store, rows, range(10))

    def write_half() -> None:
        with store.writer() as writer:
            writer.write(9, rows[9])
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        write_half()
    np.testing.assert_array_equal(store.read().read(0, 10), rows[:10])


def test_reopening_tells_what_is_held(store, kind):
    """A file holds all of its rows; shards those that were written, whole chunks of them."""
    rows = made_rows()
    write(store, rows, [0, 1, 2, 14])
    held = store.reopen()
    assert held.shape == (ROWS,)
    assert held[[0, 1, 2, 14]].all()
    if kind != "npy":
        together = int(kind.split()[1].split("/")[0])
        assert held.sum() == (4 if together == 1 else 6)
    np.testing.assert_array_equal(store.read().take([0, 1, 2, 14])[0], rows[[0, 1, 2, 14]])


def test_moving_and_shortening(store, kind, tmp_path):
    """Bytes are those of a store that never had the other rows."""
    rows = made_rows()
    write(store, rows, range(ROWS))
    store.move([22, 21, 20], [0, 9, 10])
    shorter = store.shorten(19)
    expected = rows[:19].copy()
    expected[[0, 9, 10]] = rows[[22, 21, 20]]
    assert shorter.rows == 19
    np.testing.assert_array_equal(shorter.read().read(0, 19), expected)
    if kind != "npy":
        (tmp_path / "other").mkdir()
        other = make_store(kind, tmp_path / "other", rows=19)
        other.create()
        write(other, expected, range(19))
        assert files(tmp_path / "rows.zarr") == files(tmp_path / "other" / "rows.zarr")


def test_what_was_written_is_made_durable(store, monkeypatch, kind):
    """All that was written since the last time, and nothing else."""
    synced: list[str] = []
    monkeypatch.setattr(
        "streamcalib.stores.objects.sync_data", lambda file: synced.append(name_of(file))
    )
    monkeypatch.setattr(
        "streamcalib.stores.npy.sync_data", lambda file: synced.append(name_of(file))
    )
    rows = made_rows()
    flusher = store.flusher()
    write(store, rows, [0, 13])
    flusher.wrote(np.array([0, 13]))
    flusher.flush()
    together = store.rows_together
    if kind == "npy":
        assert synced == ["rows.npy"]
    else:
        assert synced == ["c.0.0.0.0", f"c.{13 // together}.0.0.0"]
        synced.clear()
        flusher.flush()
        assert synced == []
    flusher.close()


def name_of(file: int) -> str:
    return Path(f"/proc/self/fd/{file}").readlink().name
