"""Sets behind URLs, on a real S3 server: built, gone on with, read, and never half there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from obstore.store import S3Store
from zarr.storage import ObjectStore

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, build, finalize
from streamcalib.errors import InputError, OutputError, SetError, SourceError, StoppedError
from streamcalib.stores import sharding
from streamcalib.verify import verify
from unfinished import EnoughError

COUNT = 25
COMPRESSIONS = ["none", "zstd", "blosc"]
OPTIONS = {"recipe": smallsets.RECIPE, "jobs": 2, "backend": "threading"}


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, tmp_path):
    """Shards of few rows, and a folder for state that is not the user's own."""
    monkeypatch.setattr(sharding, "_CHUNK_BYTES", 2 * 3 * 16 * 16)
    monkeypatch.setattr(sharding, "_LEAST_SHARDS", 4)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", COUNT)


@pytest.fixture
def url(bucket) -> str:
    return f"{bucket.url}/sets/calib.zarr"


def shards_of(url: str) -> dict[str, bytes]:
    """Return the objects below a URL, by name."""
    _, _, rest = url.partition("://")
    name, _, prefix = rest.partition("/")
    store = S3Store(name, prefix=prefix)
    found = [meta["path"] for part in store.list() for meta in part]
    return {path: bytes(store.get(path).bytes()) for path in found if path.startswith("c.")}


def left_in_state(tmp_path: Path) -> list[str]:
    folder = tmp_path / "state" / "streamcalib"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_set_at_s3_is_the_one_on_disk(paths, url, tmp_path, compression):
    """Shard for shard and row for row; and nothing of the build is left anywhere."""
    there = build(paths, url, compression=compression, **OPTIONS)
    here = build(paths, tmp_path / "calib.zarr", compression=compression, **OPTIONS)
    expected = {path.name: path.read_bytes() for path in here.path.glob("c.*")}
    assert len(expected) > 1
    assert shards_of(url) == expected
    np.testing.assert_array_equal(there.rows(0, COUNT), smallsets.rows(paths))
    assert list(there.row_records()) == list(here.row_records())
    assert there.stored_bytes > sum(map(len, expected.values()))
    assert left_in_state(tmp_path) == []


def test_zarr_itself_reads_it(paths, url, bucket):
    """By its own way to S3."""
    build(paths, url, **OPTIONS)
    array = zarr.open_array(ObjectStore(S3Store(bucket.name, prefix="sets/calib.zarr")), mode="r")
    table = smallsets.RECIPE.lookup_table()[0]
    np.testing.assert_array_equal(table[array[:]], smallsets.rows(paths))
    assert array.attrs["streamcalib"]["recipe"] == smallsets.RECIPE.to_dict()


def test_processes_build_it_too(paths, url, tmp_path):
    """By the command line; again, it is complete; verify finds every row as it is."""
    listed = smallsets.write_list(tmp_path / "list.txt", paths)
    words = ("build", "--list", listed, "--out", url, "--imgsz", 16, "--jobs", 2)
    told = smallsets.run(*words, cwd=tmp_path)
    assert (told.code, f"{url} built" in told.out) == (0, True), told.err
    told = smallsets.run(*words, cwd=tmp_path)
    assert (told.code, "is already complete" in told.out) == (0, True)
    told = smallsets.run("verify", url, "--sources", cwd=tmp_path)
    assert (told.code, "25 hold the same bits" in told.out) == (0, True)
    told = smallsets.run("info", url, cwd=tmp_path)
    assert (told.code, "calib.zarr" in told.out) == (0, True)
    assert {path.name for path in tmp_path.iterdir()} == {"images", "list.txt", "state"}


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.zarr"])
def test_sets_are_finalized_from_there_and_to_there(paths, url, tmp_path, name, compression):
    """With the same values, and the same checksums."""
    first = build(paths, tmp_path / name, **OPTIONS)
    there = finalize(first, url, compression=compression, jobs=2)
    assert verify(there, sources=True).is_sound
    again = finalize(url, tmp_path / f"back.{name}", jobs=2)
    assert verify(again).is_sound
    np.testing.assert_array_equal(again.rows(0, COUNT), smallsets.rows(paths))
    if name != "a.zarr":
        assert again.path.read_bytes() == first.path.read_bytes()
    assert left_in_state(tmp_path) == []


@pytest.mark.parametrize("rows", [1, 9, 20])
def test_an_interrupted_build_is_gone_on_with(paths, url, tmp_path, rows, caplog):
    """From the journal on this machine; until the end there is no set."""
    caplog.set_level("INFO", "streamcalib")

    def until(state) -> None:
        with pytest.raises(SourceError, match="does not exist"):
            CalibrationSet.open(url)
        if state.done >= max(rows, state.kept + 1):
            raise EnoughError

    with pytest.raises(EnoughError):
        build(paths, url, progress=until, **OPTIONS)
    assert len(left_in_state(tmp_path)) == 1
    there = build(paths, url, **OPTIONS)
    assert any(" rows kept" in message for message in caplog.messages)
    here = build(paths, tmp_path / "calib.zarr", **OPTIONS)
    assert shards_of(url) == {path.name: path.read_bytes() for path in here.path.glob("c.*")}
    assert list(there.row_records()) == list(here.row_records())
    assert left_in_state(tmp_path) == []


def test_state_may_lie_elsewhere(paths, url, tmp_path):
    """With --state, as the same command says again."""

    def enough(state) -> None:
        if state.done:
            raise EnoughError

    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(EnoughError):
        build(paths, url, progress=enough, state=elsewhere, **OPTIONS)
    assert left_in_state(tmp_path) == []
    assert len(list(elsewhere.iterdir())) == 1
    build(paths, url, state=elsewhere, **OPTIONS)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("bad", [{3}, {0, 24}, {7, 8, 9, 10}], ids=str)
def test_bad_images_are_left_out(paths, url, tmp_path, bad):
    """As on disk, to the last bit."""
    for row in bad:
        paths[row].write_bytes(b"")
    there = build(paths, url, on_bad="skip", **OPTIONS)
    here = build(paths, tmp_path / "calib.zarr", on_bad="skip", **OPTIONS)
    assert len(there) == COUNT - len(bad)
    assert shards_of(url) == {path.name: path.read_bytes() for path in here.path.glob("c.*")}
    assert verify(there).is_sound


def test_a_set_is_replaced_only_if_that_is_said(paths, url, tmp_path):
    """And none of its shards is left beside the new ones."""
    build(paths, url, **OPTIONS)
    with pytest.raises(OutputError, match="was built otherwise"):
        build(paths[:9], url, **OPTIONS)
    other = build(paths[:9], url, overwrite=True, **OPTIONS)
    np.testing.assert_array_equal(other.rows(0, 9), smallsets.rows(paths[:9]))
    here = build(paths[:9], tmp_path / "calib.zarr", **OPTIONS)
    assert shards_of(url) == {path.name: path.read_bytes() for path in here.path.glob("c.*")}


def test_a_lost_shard_names_its_rows(paths, url, bucket, tmp_path):
    """To whoever verifies; nobody reads zeros."""
    build(paths, url, **OPTIONS)
    S3Store(bucket.name).delete("sets/calib.zarr/c.1.0.0.0")
    found = verify(url)
    assert found.faults
    assert set(found.faults.values()) == {"its shard c.1.0.0.0 is missing"}
    told = smallsets.run("verify", url, cwd=tmp_path)
    assert (told.code, f"row {min(found.faults)} " in told.err) == (4, True)


def test_servers_that_fail_now_and_then_are_asked_again(paths, url, s3_proxy, tmp_path):
    """Every second request of each kind is answered with an error first."""
    s3_proxy.answer = lambda method, path, before: 503 if not before and "c." in path else None
    there = build(paths, url, **OPTIONS)
    assert {method for method, path, _ in s3_proxy.seen if "c." in path} >= {"PUT", "HEAD"}
    np.testing.assert_array_equal(there.rows(0, COUNT), smallsets.rows(paths))
    s3_proxy.answer = lambda method, path, before: None
    assert verify(there).is_sound


def test_what_may_not_be_written_is_named(paths, url, s3_proxy, bucket, tmp_path):
    """The bucket and what was forbidden; the same command goes on once it is allowed."""
    s3_proxy.answer = lambda method, path, before: 403 if method == "PUT" and "c." in path else None
    with pytest.raises(StoppedError, match="forbidden") as caught:
        build(paths, url, **OPTIONS)
    assert bucket.url in text_of(caught.value)
    s3_proxy.answer = lambda method, path, before: None
    assert verify(build(paths, url, **OPTIONS)).is_sound


def test_what_may_not_be_listed_is_named(paths, url, s3_proxy, tmp_path):
    """Before anything is written."""
    s3_proxy.answer = lambda method, path, before: 403 if "list-type" in path else None
    with pytest.raises(OutputError, match="cannot be looked at") as caught:
        build(paths, url, overwrite=True, **OPTIONS)
    assert "forbidden" in str(caught.value)
    assert left_in_state(tmp_path) == []


def test_a_bucket_that_is_not_there(paths, bucket, tmp_path):
    """The address is named; exit code 2."""
    listed = smallsets.write_list(tmp_path / "list.txt", paths)
    told = smallsets.run("build", "--list", listed, "--out", "s3://no-such/a.zarr", cwd=tmp_path)
    assert (told.code, "s3://no-such" in told.err) == (2, True)
    assert "Traceback" not in told.err


def test_what_others_put_there_is_not_replaced(paths, url, bucket):
    """Directly below it, or in a folder of it."""
    for key in ("sets/calib.zarr/notes.txt", "sets/calib.zarr/c/0/0/0/0"):
        bucket.put(key, b"mine")
        with pytest.raises(OutputError, match="streamcalib did not make"):
            build(paths, url, overwrite=True, **OPTIONS)
        assert bytes(S3Store(bucket.name).get(key).bytes()) == b"mine"
        S3Store(bucket.name).delete(key)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_only_zarr_is_written_there(paths, bucket, tmp_path, name):
    """A file that is mapped cannot be behind a URL; neither is one opened there."""
    with pytest.raises(OutputError, match=r"only a \.zarr"):
        build(paths, f"{bucket.url}/{name}", **OPTIONS)
    calibration = build(paths, tmp_path / "calib.npy", **OPTIONS)
    with pytest.raises(OutputError, match=r"only a \.zarr"):
        finalize(calibration, f"{bucket.url}/{name}")
    with pytest.raises(SetError, match=r"only \.zarr can"):
        CalibrationSet.open(f"{bucket.url}/{name}")


def test_it_is_extended_on_disk(paths, url):
    """In its place its shards would be written over while they are read."""
    build(paths[:9], url, **OPTIONS)
    with pytest.raises(OutputError, match="cannot be extended in its place"):
        build(paths, url, extend=True, **OPTIONS)


def test_a_file_address_is_a_path(paths, tmp_path):
    """As everywhere."""
    made = build(paths, f"file://{tmp_path}/a.zarr", **OPTIONS)
    assert made.path == tmp_path / "a.zarr"
    assert len(CalibrationSet.open(f"file://{tmp_path}/a.zarr")) == COUNT


def test_memory_is_for_threads(paths, tmp_path):
    """Whoever works in another process would not see it."""
    made = build(paths, "memory://here/a.zarr", **OPTIONS)
    np.testing.assert_array_equal(made.rows(0, COUNT), smallsets.rows(paths))
    with pytest.raises(InputError, match="say --backend threading"):
        build(paths, "memory://here/b.zarr", recipe=smallsets.RECIPE, jobs=2)
    with pytest.raises(InputError, match="say --backend threading"):
        build(
            paths,
            "memory://here/b.zarr",
            recipe=smallsets.RECIPE,
            jobs=1,
            backend="dask",
            scheduler="tcp://127.0.0.1:1",
        )


def test_run_wants_a_folder(paths, bucket, tmp_path):
    """For the list, too."""
    told = smallsets.run("run", paths[0].parent, "--count", 2, "--out", bucket.url, cwd=tmp_path)
    assert (told.code, "no folder on disk" in told.err) == (2, True)
    assert not (tmp_path / "s3:").exists()


def test_without_its_package_the_extra_is_named(tmp_path, paths):
    """As for images behind URLs."""
    hidden = "import sys; sys.modules['obstore'] = None\n" + smallsets.PROGRAM
    listed = smallsets.write_list(tmp_path / "list.txt", paths)
    told = smallsets.run(
        "build", "--list", listed, "--out", "s3://b/a.zarr", cwd=tmp_path, program=hidden
    )
    assert (told.code, "streamcalib[s3]" in told.err) == (2, True)
