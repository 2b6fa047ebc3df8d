"""Names for what a set holds."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import smallsets
from streamcalib import ExtraInput, build, finalize
from streamcalib.errors import ModelError


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return smallsets.make_images(tmp_path_factory.mktemp("setid") / "images", 4)


def test_the_same_in_every_store(paths, tmp_path):
    """Values, canvases, shards and an .npz of one choice, built and finalized, are one."""
    values = build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    canvases = build(paths, tmp_path / "b.npy", recipe=smallsets.RECIPE, store="uint8", jobs=1)
    shards = finalize(canvases, tmp_path / "c.zarr")
    packed = finalize(values, tmp_path / "d.npz")
    assert {one.id for one in (values, canvases, shards, packed)} == {values.id}
    assert re.fullmatch("[0-9a-f]{12}", values.id)


def test_another_for_all_that_changes_values(paths, tmp_path):
    """Other images, another order, another recipe, a further input."""
    recipe, size = smallsets.RECIPE, ExtraInput("orig_size", [640, 480], "int64")
    sets = [
        build(paths, tmp_path / "a.npz", recipe=recipe, jobs=1),
        build(paths[:3], tmp_path / "b.npz", recipe=recipe, jobs=1),
        build(paths[::-1], tmp_path / "c.npz", recipe=recipe, jobs=1),
        build(paths, tmp_path / "d.npz", recipe=replace(recipe, scale=1.0, name="x"), jobs=1),
        build(paths, tmp_path / "e.npz", recipe=recipe, extra_inputs=[size], jobs=1),
    ]
    assert len({one.id for one in sets}) == len(sets)


def test_cache_names_follow_set_and_model(paths, tmp_path):
    """A changed model under the same name is another."""
    calib = build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    model = tmp_path / "m.onnx"
    model.write_bytes(b"one")
    first = calib.cache_name(model)
    assert first == calib.cache_name(model)
    assert first.startswith(f"m.{calib.id}.")
    model.write_bytes(b"other")
    assert calib.cache_name(model) != first
    with pytest.raises(ModelError, match=r"gone\.onnx cannot be read"):
        calib.cache_name(tmp_path / "gone.onnx")


def test_info_tells_it(paths, tmp_path):
    """Beneath the card."""
    calib = build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    told = smallsets.run("info", "a.npy", cwd=tmp_path)
    assert told.out.endswith(f"id: {calib.id}\n")
