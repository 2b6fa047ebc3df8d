"""Sets in every store behave the same: what they hold and give, and what can be made of them."""

from __future__ import annotations

import copy
import itertools
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from obstore.store import S3Store

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, build, finalize
from streamcalib.errors import InputError, OutputError, SetError, SourceError
from streamcalib.remotepath import RemotePath
from streamcalib.stores import sharding
from streamcalib.verify import find_image, verify

COUNT = 25
KINDS = {
    "npy": ("s.npy", {}),
    "npy of canvases": ("s.npy", {"store": "uint8"}),
    "npz": ("s.npz", {}),
    "zarr": ("s.zarr", {}),
    "zarr, zstd": ("s.zarr", {"compression": "zstd"}),
    "zarr, blosc": ("s.zarr", {"compression": "blosc"}),
    "zarr of values": ("s.zarr", {"store": "final"}),
    "zarr of values, zstd": ("s.zarr", {"store": "final", "compression": "zstd"}),
    "zarr of values, blosc": ("s.zarr", {"store": "final", "compression": "blosc"}),
}

REMOTE = {
    "zarr at S3": ("s.zarr", {}),
    "zarr of values at S3, zstd": ("s.zarr", {"store": "final", "compression": "zstd"}),
}


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    """Two rows of canvases in a chunk, three chunks in a shard, as sets of gigabytes have many."""
    monkeypatch.setattr(sharding, "_CHUNK_BYTES", 2 * 3 * 16 * 16)
    monkeypatch.setattr(sharding, "_LEAST_SHARDS", 4)


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> list[Path]:
    return smallsets.make_images(tmp_path_factory.mktemp("images") / "images", COUNT)


@pytest.fixture
def expected(paths) -> np.ndarray:
    return smallsets.rows(paths)


def make(kind: str, paths: list[Path], place: Path | str, **options) -> CalibrationSet:
    name, chosen = {**KINDS, **REMOTE}[kind]
    options = {"recipe": smallsets.RECIPE, "jobs": 1, **chosen, **options}
    return build(paths, f"{place}/{name}", **options)


@pytest.fixture(params=[*KINDS, *REMOTE])
def kind(request) -> str:
    return request.param


@pytest.fixture
def place(kind, tmp_path, request, monkeypatch) -> Path | str:
    """Where the set lies: in a folder, or in a bucket."""
    if kind not in REMOTE:
        return tmp_path
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return request.getfixturevalue("bucket").url


@pytest.fixture
def calibration(kind, paths, place) -> CalibrationSet:
    return make(kind, paths, place)


class TestASet:
    """Whatever its store."""

    def test_is_what_was_built(self, calibration, expected):
        """Length, shape and dtype are those of the values."""
        assert len(calibration) == COUNT
        assert (calibration.shape, calibration.dtype) == (expected.shape, np.float32)
        assert calibration.recipe == smallsets.RECIPE

    @pytest.mark.parametrize("size", [1, 4, 25, 99])
    @pytest.mark.parametrize("reuse", [False, True])
    def test_gives_its_values_in_batches(self, calibration, expected, size, reuse):
        """Every bit, in order, the last batch shorter."""
        batches = [batch.copy() for batch in calibration.batches(size, reuse=reuse)]
        assert [len(batch) for batch in batches] == [
            min(size, COUNT - start) for start in range(0, COUNT, size)
        ]
        np.testing.assert_array_equal(np.concatenate(batches), expected)

    def test_gives_its_values_by_row(self, calibration, expected):
        """Any range of them."""
        for start, stop in itertools.combinations((0, 1, 5, 6, 12, 25), 2):
            np.testing.assert_array_equal(calibration.rows(start, stop), expected[start:stop])

    def test_feeds_a_reader(self, calibration, expected):
        """As many steps as there are batches."""
        reader, steps = calibration.modelopt_reader("x", batch_size=5), []
        while (step := reader.get_next()) is not None:
            steps.append(step["x"].copy())
        np.testing.assert_array_equal(np.concatenate(steps), expected)

    def test_is_the_same_when_opened_again_pickled_or_copied(self, calibration, expected):
        """By its path."""
        for again in (
            CalibrationSet.open(calibration.path),
            pickle.loads(pickle.dumps(calibration)),
            copy.deepcopy(calibration),
        ):
            np.testing.assert_array_equal(again.rows(0, COUNT), expected)

    def test_is_sound_and_made_of_its_images(self, calibration):
        """By its checksums, and bit for bit."""
        found = verify(calibration, sources=True, jobs=2)
        assert found.is_sound
        assert (found.rows, found.compared, found.differing) == (COUNT, COUNT, 0)

    def test_knows_its_images(self, calibration, paths):
        """By name, or by picture."""
        assert [found.row for found in find_image(calibration, paths[9])] == [9]

    def test_is_complete_when_it_is_built_again(self, kind, calibration, paths, place, tmp_path):
        """Nothing is made twice."""
        before, made_ns = smallsets.contents(tmp_path), calibration.made_ns
        again = make(kind, paths, place)
        assert (again.path, again.made_ns) == (calibration.path, made_ns)
        assert smallsets.contents(tmp_path) == before

    def test_refuses_another_list_under_its_name(self, kind, calibration, paths, place, tmp_path):
        """Unless it may be replaced, whole."""
        with pytest.raises(OutputError, match="was built otherwise"):
            make(kind, paths[3:], place)
        other = make(kind, paths[3:], place, overwrite=True)
        np.testing.assert_array_equal(other.rows(0, 99), smallsets.rows(paths[3:]))
        assert verify(other).is_sound
        assert not list(tmp_path.rglob("*.build"))

    def test_tells_its_size(self, calibration):
        """The size of what lies on disk."""
        if isinstance(calibration.path, RemotePath):
            store = S3Store(calibration.path.url.split("/")[2])
            size = sum(meta["size"] for part in store.list("s.zarr") for meta in part)
        elif calibration.path.is_dir():
            size = sum(path.stat().st_size for path in calibration.path.iterdir())
        else:
            size = calibration.path.stat().st_size
        assert calibration.stored_bytes == size

    def test_has_a_card(self, calibration):
        """For a person."""
        assert calibration.path.name in calibration.card()


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_any_set_becomes_any_other(first, second, paths, tmp_path, expected):
    """With the same values, checksums that hold, and the same bytes as if it had been built so."""
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    (tmp_path / "built").mkdir()
    source = make(first, paths, tmp_path / "first")
    name, options = KINDS[second]
    made = finalize(source, tmp_path / "second" / name, jobs=2, **options)
    np.testing.assert_array_equal(made.rows(0, COUNT), expected)
    assert verify(made, sources=True).is_sound
    built = make(second, paths, tmp_path / "built")
    assert list(made.row_records()) == list(built.row_records())
    assert made.manifest.store == built.manifest.store
    if made.path.suffix == ".zarr":
        shards = sorted(path.name for path in built.path.glob("c.*"))
        assert shards == sorted(path.name for path in made.path.glob("c.*"))
        assert len(shards) > 1
        for shard in shards:
            assert (made.path / shard).read_bytes() == (built.path / shard).read_bytes()
    else:
        assert made.path.read_bytes() == built.path.read_bytes()
    again = smallsets.contents(tmp_path / "second")
    finalize(source, tmp_path / "second" / name, jobs=2, **options)
    assert smallsets.contents(tmp_path / "second") == again


ZARR = [kind for kind in KINDS if kind.startswith("zarr")]


@pytest.mark.parametrize("kind", ZARR)
def test_shards_are_no_array(calibration):
    """They cannot be mapped as one; the message says what can be done."""
    with pytest.raises(SetError, match=r"batches\(\)"):
        calibration.array()


@pytest.mark.parametrize("kind", ZARR)
def test_a_shard_deleted_or_damaged_names_its_rows(calibration, kind, tmp_path):
    """To whoever verifies or finalizes; nothing is published."""
    shards = sorted(calibration.path.glob("c.*"), key=lambda path: int(path.name.split(".")[1]))
    lost = shards[1]
    lost.unlink()
    found = verify(calibration.path)
    assert set(found.faults) == {
        row for row in range(COUNT) if f"shard {lost.name}" in found.faults.get(row, "")
    }
    assert 0 < len(found.faults) < COUNT
    assert all(found.faults[row] == f"its shard {lost.name} is missing" for row in found.faults)
    told = smallsets.run("verify", calibration.path, cwd=tmp_path)
    assert told.code == 4
    for row in list(found.faults)[:3]:
        assert f"row {row} " in told.err
    told = smallsets.run("finalize", calibration.path, "--out", "f.npy", cwd=tmp_path)
    assert (told.code, "is missing" in told.err) == (4, True)
    assert not (tmp_path / "f.npy").exists()
    with pytest.raises(Exception, match="is missing"):
        calibration.rows(0, COUNT)


def test_canvases_that_cannot_be_told_from_values_are_refused(paths, tmp_path):
    """Where two bytes have one value in float16; the values themselves can be kept."""
    recipe = replace(smallsets.RECIPE, dtype="float16", mean=(100.0,) * 3)
    calibration = build(paths, tmp_path / "s.npy", recipe=recipe, jobs=1)
    with pytest.raises(InputError, match="say --store final"):
        finalize(calibration, tmp_path / "s.zarr")
    kept = finalize(calibration, tmp_path / "s.zarr", store="final")
    np.testing.assert_array_equal(kept.rows(0, COUNT), calibration.array())


@pytest.mark.parametrize("out", ["s.npy", "s.npz"])
def test_only_zarr_is_compressed(paths, tmp_path, out):
    """A file that is mapped cannot be."""
    with pytest.raises(InputError, match=r"--compression zstd needs a \.zarr"):
        build(paths, tmp_path / out, recipe=smallsets.RECIPE, compression="zstd")
    calibration = build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    with pytest.raises(InputError, match=r"--compression blosc needs a \.zarr"):
        finalize(calibration, tmp_path / out, compression="blosc")
    assert not (tmp_path / out).exists() or out == "a.npy"


def test_a_folder_of_somebody_else_is_never_replaced(paths, tmp_path):
    """Though its name ends so, and whatever is said."""
    for name in ("notes.txt", ".zgroup"):
        folder = tmp_path / f"{name}.zarr"
        folder.mkdir()
        (folder / name).write_text("mine")
        with pytest.raises(OutputError, match="streamcalib did not make") as caught:
            build(paths, folder, recipe=smallsets.RECIPE, jobs=1, overwrite=True)
        assert name in text_of(caught.value)
        assert (folder / name).read_text() == "mine"


def test_what_is_no_zarr_set_is_told(paths, tmp_path):
    """A file of that name, a folder without metadata, one without its manifest, and nothing."""
    (tmp_path / "file.zarr").write_bytes(b"")
    with pytest.raises(SourceError, match="is not a folder"):
        CalibrationSet.open(tmp_path / "file.zarr")
    with pytest.raises(SourceError, match="does not exist"):
        CalibrationSet.open(tmp_path / "none.zarr")
    calibration = build(paths, tmp_path / "s.zarr", recipe=smallsets.RECIPE, jobs=1)
    (calibration.path / "zarr.json").rename(tmp_path / "zarr.json")
    with pytest.raises(SetError, match=r"zarr\.json cannot be used"):
        CalibrationSet.open(calibration.path)
    shutil.move(tmp_path / "zarr.json", calibration.path)
    (tmp_path / "s.zarr.json").unlink()
    with pytest.raises(SetError, match="has no manifest"):
        CalibrationSet.open(calibration.path)
