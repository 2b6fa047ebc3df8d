"""Lists that are chosen by a model's activations."""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from messages import text_of
from pools import write_pool
from streamcalib import ByActivations, ExtraInput, ImageList, compare, sample
from streamcalib.errors import InputError, ListError, MissingExtraError
from yolo_like import write_yolo_like

SIDE = 64


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with a model and a pool of 30 pictures, and a cache that the tests share."""
    folder = tmp_path_factory.mktemp("choosing")
    write_pool(folder / "pool", 30)
    write_yolo_like(folder / "m.onnx", SIDE)
    return folder


@pytest.fixture(autouse=True)
def here(photos, monkeypatch):
    """The current folder, and a cache of these tests."""
    monkeypatch.chdir(photos)
    monkeypatch.setenv("XDG_CACHE_HOME", str(photos / "cache"))


def chosen(count=8, seed=42, **options):
    return sample(
        "pool", count, seed=seed, strategy=ByActivations(model="m.onnx", jobs=1, **options)
    )


@pytest.mark.parametrize(
    ("blend", "name"), [(0.0, "activations"), (0.25, "blend"), (1.0, "ranges")]
)
def test_the_first_of_a_long_list_are_the_short_one(blend, name):
    """And spares go on in the same order."""
    short, long = chosen(8, blend=blend, pool_size=30), chosen(20, blend=blend, pool_size=30)
    assert list(long)[:8] == list(short)
    assert list(long)[8:18] == list(short.spares)
    assert short.provenance["strategy"] == name
    assert len(set(long)) == 20


def test_a_pool_that_is_taken_whole_is_told(tmp_path, caplog):
    """Before anything is measured, or once it is known which images are good."""
    caplog.set_level("INFO", "streamcalib")
    told = "nothing to choose but their order"
    chosen(4, pool_size=5)
    assert told not in caplog.text
    chosen(5, pool_size=5)
    assert "takes all 5 good images of the pool" in caplog.text
    caplog.clear()
    shutil.copytree("pool", tmp_path / "pool")
    min((tmp_path / "pool").iterdir()).write_bytes(b"bad")
    there = len(list((tmp_path / "pool").iterdir()))
    sample(tmp_path / "pool", there - 1, strategy=ByActivations(model="m.onnx", jobs=1))
    assert f"takes all {there - 1} good images" in caplog.text


def test_workers_decide_nothing():
    """Nor does a second time."""
    lists = [
        list(sample("pool", 8, strategy=ByActivations(model="m.onnx", jobs=jobs)))
        for jobs in (1, 2, 4)
    ]
    assert lists[0] == lists[1] == lists[2]


def test_a_herded_list_is_nearer_to_the_pool_than_random_ones():
    """By far, and one of ranges reaches every peak."""
    herded, covering = chosen(10), chosen(10, blend=1.0)
    found = compare([herded, covering], "pool", model="m.onnx", draws=300, jobs=1)
    assert found.sets[0].ks_beats > 0.95
    assert found.sets[1].shortfall == 0
    assert found.sets[0].shortfall > 0


def test_what_it_takes_to_choose_again_is_kept():
    """In the side file, with the pool and the model."""
    facts = chosen(5, blend=0.5, pool_size=12).provenance
    assert facts["blend"] == 0.5
    assert facts["rule"].startswith("greedy herding")
    assert facts["pool"]["size"] == 12
    assert facts["tensors"] == 4
    assert len(facts["model_sha256"]) == 64
    assert facts["recipe"]["height"] == SIDE
    images = chosen(5, blend=0.5, pool_size=12)
    images.write("kept.txt")
    assert ImageList.read("kept.txt").provenance == images.provenance


def test_further_inputs_are_kept(tmp_path):
    """As a manifest keeps them."""
    import onnx

    model = onnx.load("m.onnx")
    model.graph.input.append(
        onnx.helper.make_tensor_value_info("sizes", onnx.TensorProto.INT64, [1, 2])
    )
    onnx.save(model, str(tmp_path / "two.onnx"))
    strategy = ByActivations(
        model=tmp_path / "two.onnx",
        pool_size=3,
        extra_inputs=[ExtraInput("sizes", [64, 64], "int64")],
        jobs=1,
    )
    facts = sample("pool", 2, strategy=strategy).provenance
    assert facts["extra_inputs"] == {"sizes": {"value": [64, 64], "dtype": "int64"}}


def test_the_pool_is_drawn_by_the_seed():
    """Nothing else of the population is read, let alone chosen."""
    paths = sorted(str(path) for path in Path("pool").iterdir())
    pool = set(random.Random(7).sample(paths, 9))
    images = chosen(5, seed=7, pool_size=9, percentile=99.0, blend=1.0)
    assert {*images, *images.spares} == pool
    assert {*chosen(9, seed=8, pool_size=9)} != pool


def test_bad_images_of_the_pool_are_left_out(tmp_path):
    """They are named in the side file."""
    paths = write_pool(tmp_path / "pool", 8)
    Path(paths[1]).write_bytes(b"\xff\xd8 no more")
    images = sample(
        tmp_path / "pool", 7, absolute=True, strategy=ByActivations(model="m.onnx", jobs=1)
    )
    assert sorted(images) == [path for path in paths if path != paths[1]]
    [bad] = images.provenance["pool"]["bad"]
    assert bad["path"] == paths[1]
    assert bad["reason"]
    with pytest.raises(ListError) as caught:
        sample(tmp_path / "pool", 8, strategy=ByActivations(model="m.onnx", jobs=1))
    assert "the pool has 7 good ones and 1 bad, the first: " in text_of(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"blend": 1.5}, "--blend must be 0 to 1"),
        ({"percentile": 0.0}, "--percentile must be above 0"),
        ({"pool_size": 0}, "--pool-size must be at least 1"),
        ({"jobs": 0}, "--jobs must be at least 1"),
    ],
)
def test_numbers_out_of_range_are_refused(options, says):
    """The message names the option."""
    with pytest.raises(InputError) as caught:
        ByActivations(model="m.onnx", **options)
    assert says in text_of(caught.value)


def test_a_pool_must_hold_the_choice():
    """The message names both numbers."""
    with pytest.raises(ListError) as caught:
        chosen(10, pool_size=9)
    assert "--count asks for 10 images, and --pool-size 9 leaves 9" in text_of(caught.value)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_missing_packages_are_named(monkeypatch, package):
    """With the extra that brings them."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match="pip install 'streamcalib"):
        chosen(2)


def test_random_says_what_it_always_said():
    """Its side file names no strategy."""
    assert "strategy" not in sample("pool", 3).provenance


def test_it_is_measured_once_for_all_that_name_a_cache(tmp_path):
    """Another strategy and a comparison find it there; by default it is the user's own folder."""
    events = []
    for blend in (0.0, 1.0):
        chosen(3, blend=blend, pool_size=7, cache=tmp_path / "kept", progress=events.append)
    compare(
        [chosen(3)], "pool", model="m.onnx", jobs=1, pool_size=7, cache=tmp_path / "kept", draws=1
    )
    assert [event.kept for event in events if event.done == event.kept] == [0, 7]
    [file] = (tmp_path / "kept/activations").iterdir()
    with sqlite3.connect(file) as rows:
        assert rows.execute("SELECT count(*) FROM images").fetchone()[0] >= 7
    rows.close()
    assert Path("cache/streamcalib/activations", file.name).exists()
