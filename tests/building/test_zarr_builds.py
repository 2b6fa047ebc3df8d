"""Builds into zarr: gone on with, with holes and spares, extended, and with workers that die."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, ImageList
from streamcalib.errors import BadImagesError, OutputError
from streamcalib.stores import sharding
from streamcalib.verify import verify
from unfinished import begin, check_undisturbed, data_of, journal_of, kept, restore, small, spoil

COUNT = 31
LAYOUTS = {"rows": (1, 5), "chunks": (2, 4)}


@pytest.fixture(autouse=True, params=LAYOUTS)
def _small_shards(request, monkeypatch):
    """Shards of few rows, as sets of gigabytes have; in chunks of a row, and of two."""
    rows, shards = LAYOUTS[request.param]
    monkeypatch.setattr(sharding, "_CHUNK_BYTES", rows * 3 * 16 * 16)
    monkeypatch.setattr(sharding, "_LEAST_SHARDS", shards)


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    made = smallsets.make_images(tmp_path / "images", COUNT)
    for path in made:
        os.utime(path, (10**9, 10**9))
    return made


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "calib.zarr"


OPTIONS = [
    {},
    {"compression": "zstd"},
    {"compression": "blosc", "store": "final"},
    {"jobs": 2, "backend": "threading"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("rows", [1, 6, 20, 30])
def test_an_interrupted_build_is_gone_on_with(paths, out, tmp_path, rows, options):
    """Wherever it ended, what is done is kept, and the shards are those of one build."""
    out.parent.mkdir()
    begin(paths, out, rows, **options)
    assert not out.exists()
    done = kept(journal_of(out), COUNT)
    assert len(done) >= rows
    finished = small(paths, out, **options)
    np.testing.assert_array_equal(finished.rows(0, COUNT), smallsets.rows(paths))
    check_undisturbed(finished, paths, tmp_path, **options)


def test_kept_rows_are_not_made_again(paths, out, caplog):
    """Their images may even be gone."""
    out.parent.mkdir()
    caplog.set_level("INFO", "streamcalib")
    begin(paths, out, 12)
    done = kept(journal_of(out), COUNT)
    contents = {row: paths[row].read_bytes() for row in done}
    for row in done:
        paths[row].unlink()
    finished = small(paths, out)
    assert f"{len(done)} of {COUNT} rows kept" in caplog.messages
    for row, content in contents.items():
        paths[row].write_bytes(content)
    np.testing.assert_array_equal(finished.rows(0, COUNT), smallsets.rows(paths))


def test_a_shard_that_was_lost_or_damaged_is_made_again(paths, out, tmp_path):
    """Though the journal knows its rows as done."""
    out.parent.mkdir()
    begin(paths, out, 25)
    shards = sorted((out.parent / "calib.zarr.build" / "rows.zarr").glob("c.*"))
    shards[0].unlink()
    os.truncate(shards[1], 20)
    data = bytearray(shards[2].read_bytes())
    data[5] ^= 1
    shards[2].write_bytes(data)
    check_undisturbed(small(paths, out), paths, tmp_path)


def test_another_compression_or_store_is_another_build(paths, out):
    """Refused, with both values; --restart discards."""
    out.parent.mkdir()
    begin(paths, out, 10)
    with pytest.raises(OutputError) as caught:
        small(paths, out, compression="zstd")
    assert "rows on disk: uint8 in zarr, not uint8 in zarr, zstd" in text_of(caught.value, 3)
    with pytest.raises(OutputError) as caught:
        small(paths, out, store="final")
    assert "rows on disk: uint8 in zarr, not final in zarr" in text_of(caught.value, 3)
    finished = small(paths, out, compression="zstd", restart=True)
    assert verify(finished, sources=True).is_sound


BAD = [{0}, {30}, {3, 4}, {7, 28, 29}, set(range(5, 25)), {0, 2, 4, 6, 8, 10, 30}]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_images_are_left_out(paths, out, tmp_path, bad, jobs):
    """As from an .npy: the last good rows fill the holes, to the last bit of every shard."""
    spoil(paths[row] for row in bad)
    out.parent.mkdir()
    options = {"on_bad": "skip", "jobs": jobs, "backend": "threading"}
    finished = small(paths, out, **options)
    plain = small(paths, out.with_name("plain.npy"), store="uint8", on_bad="skip")
    array = zarr.open_array(out, mode="r")
    np.testing.assert_array_equal(array[:], np.load(plain.path))
    assert len(finished) == COUNT - len(bad)
    assert list(finished.row_records()) == list(plain.row_records())
    # In other shards a set of so few rows would lie otherwise: the same from one that resumed.
    again = small(paths, tmp_path / "again" / "calib.zarr", **options)
    assert data_of(again.path) == data_of(finished.path)
    assert verify(finished.path, sources=True).is_sound


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("bad", [{0}, {3, 4, 5, 6}, {7, 28, 30}], ids=str)
def test_bad_images_are_replaced_by_spares(paths, out, tmp_path, bad, jobs):
    """Several of one shard by one worker: others would undo what it writes."""
    count = 24
    bad = {row for row in bad if row < count}
    spoil(paths[row] for row in bad)
    images = ImageList([str(p) for p in paths[:count]], spares=[str(p) for p in paths[count:]])
    out.parent.mkdir()
    finished = small(images, out, on_bad="replace", jobs=jobs, backend="threading")
    chosen = list(paths[:count])
    for row, spare in zip(sorted(bad), paths[count:], strict=False):
        chosen[row] = spare
    np.testing.assert_array_equal(finished.rows(0, count), smallsets.rows(chosen))
    assert verify(finished.path, sources=True).is_sound


def test_bad_images_are_mended_and_the_build_goes_on(paths, out, tmp_path):
    """Only they are made; their shards keep the rest."""
    before = spoil([paths[3], paths[4], paths[30]])
    out.parent.mkdir()
    with pytest.raises(BadImagesError):
        small(paths, out)
    assert set(range(COUNT)) - set(kept(journal_of(out), COUNT)) == {3, 4, 30}
    restore(before)
    check_undisturbed(small(paths, out), paths, tmp_path)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("old", [1, 13, 30])
def test_a_set_is_extended(paths, out, tmp_path, old, options):
    """Its rows are copied into the shards of the longer one, which has others."""
    out.parent.mkdir()
    small(paths[:old], out, **options)
    hidden = [path.rename(path.with_suffix(".hidden")) for path in paths[:old]]
    extended = small(paths, out, extend=True, **options)
    for path in hidden:
        path.rename(path.with_suffix(".jpg"))
    check_undisturbed(extended, paths, tmp_path, **options)


def test_an_interrupted_extension_is_gone_on_with(paths, out, tmp_path):
    """The old set stays whole until the new one is."""
    out.parent.mkdir()
    small(paths[:20], out)
    begin(paths, out, 24, extend=True)
    assert len(CalibrationSet.open(out)) == 20
    assert verify(out).is_sound
    check_undisturbed(small(paths, out, extend=True), paths, tmp_path)


def test_attributes_say_what_the_set_is(paths, out):
    """To whoever opens it with zarr alone: how values come from what is stored."""
    out.parent.mkdir()
    recipe = replace(smallsets.RECIPE, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    finished = small(paths, out, recipe=recipe)
    said = zarr.open_array(out, mode="r").attrs["streamcalib"]
    assert said["axes"] == ["N", "C", "H", "W"]
    encoding = said["encoding"]
    stored = zarr.open_array(out, mode="r")[:].astype(np.float32)
    mean, std = (np.array(encoding[n], np.float32)[:, None, None] for n in ("mean", "std"))
    values = (stored / np.float32(encoding["scale"]) - mean) / std
    np.testing.assert_array_equal(values, finished.rows(0, COUNT))
    manifest = json.loads(finished.manifest.to_json())
    for name in ("images", "versions", "recipe_fingerprint", "value_range", "decoder"):
        assert said["manifest"][name] == manifest[name]
    assert said["recipe"] == manifest["recipe"]
