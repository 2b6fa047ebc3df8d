"""The main job on photographs made on the spot."""

from __future__ import annotations

import subprocess

import cv2
import numpy as np
import pytest

import smallsets
from streamcalib.building.options import BuildOptions
from streamcalib.demo import demo, plan_demo
from streamcalib.errors import InputError, OutputError, PlanError
from streamcalib.photographs import make_photographs, photograph

ONE = BuildOptions(jobs=1)


@pytest.fixture
def made(tmp_path):
    return demo(tmp_path / "demo", count=4, options=ONE)


def test_a_demo_is_a_set_of_photographs(made, tmp_path):
    """Photographs, list and set lie in one folder; the rows are the photographs'."""
    folder = tmp_path / "demo"
    photographs = folder / "images/seed42_5"
    assert len(list(photographs.iterdir())) == 5
    assert made.calibration.shape == (4, 3, 640, 640)
    chosen = [photographs / path.split("/")[-1] for path in made.saved.images]
    np.testing.assert_array_equal(made.calibration.array(), smallsets.rows(chosen, 640))
    assert len(made.saved.images.spares) == 1


def test_the_same_demo_builds_nothing(made, tmp_path):
    """Photographs, list and set are found as they are."""
    before = smallsets.contents(tmp_path)
    data = {path: state for path, state in before.items() if not path.endswith(".txt.json")}
    again = demo(tmp_path / "demo", count=4, options=ONE)
    after = smallsets.contents(tmp_path)
    assert again.prepared.complete is not None
    assert {path: after[path][1] for path in data} == {path: data[path][1] for path in data}
    images = [path for path in data if path.startswith("demo/images/") or path.endswith(".npy")]
    assert all(after[path] == before[path] for path in images)


def test_photographs_depend_on_seed_and_number_alone(tmp_path):
    """The same seed gives the same files, however many are made; another seed gives others."""
    for name, count, seed in (("a", 3, 1), ("b", 2, 1), ("c", 2, 2)):
        (tmp_path / name).mkdir()
        make_photographs(tmp_path / name, count, seed)
    first = [path.read_bytes() for path in sorted((tmp_path / "a").iterdir())]
    assert [path.read_bytes() for path in sorted((tmp_path / "b").iterdir())] == first[:2]
    assert (tmp_path / "c" / "000000000000.jpg").read_bytes() not in first
    assert len(set(first)) == 3


def test_photographs_are_like_cocos(tmp_path):
    """Sides up to 640 pixels, and files of the weight that decoders are measured with."""
    make_photographs(tmp_path, 12, 42)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert 100_000 < np.mean(sizes) < 250_000
    for path in tmp_path.iterdir():
        assert 375 <= min(cv2.imread(str(path)).shape[:2]) <= 640


def test_a_photograph_is_a_picture():
    """All channels vary, and neither black nor white fills it."""
    image = photograph(480, 640, np.random.default_rng(1))
    assert image.shape == (480, 640, 3)
    assert image.dtype == np.uint8
    assert (image.std(axis=(0, 1)) > 10).all()
    assert 30 < image.mean() < 220


@pytest.mark.parametrize("count", [0, -5])
def test_no_photograph_is_no_demo(tmp_path, count):
    """A demo of nothing is refused before a folder is made."""
    with pytest.raises(InputError):
        demo(tmp_path / "demo", count=count, options=ONE)
    assert not (tmp_path / "demo").exists()


def test_a_demo_that_does_not_fit_is_refused_at_once(tmp_path, monkeypatch):
    """The disk is looked at before photographs are made."""
    usage = type("Usage", (), {"free": 10**6})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(PlanError, match="not enough disk space"):
        demo(tmp_path / "demo", count=4, options=ONE)
    assert not (tmp_path / "demo").exists()


def test_a_folder_that_cannot_be_is_told(tmp_path):
    """A file in the way is an error of the output."""
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(OutputError):
        demo(tmp_path / "demo", count=4, options=ONE)


def test_a_plan_tells_the_size(tmp_path):
    """A hundred rows are 491.5 MB; planning writes nothing."""
    assert plan_demo(tmp_path / "demo", 100, ONE).file_bytes == 491_524_096
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", [{"count": 5}, {"count": 4, "seed": 43}])
def test_another_demo_in_the_same_folder_is_refused_whole(made, tmp_path, other):
    """It is refused before a photograph is made, and the first demo stays complete."""
    before = smallsets.contents(tmp_path)
    with pytest.raises(OutputError, match="--overwrite"):
        demo(tmp_path / "demo", **other, options=ONE)
    assert smallsets.contents(tmp_path) == before
    assert demo(tmp_path / "demo", count=4, options=ONE).prepared.complete is not None


def test_any_whole_number_is_a_seed(tmp_path):
    """A negative seed gives photographs of its own."""
    for seed in (1, -1):
        (tmp_path / str(seed)).mkdir()
        make_photographs(tmp_path / str(seed), 1, seed)
    (first,), (second,) = (list((tmp_path / seed).iterdir()) for seed in ("1", "-1"))
    assert first.read_bytes() != second.read_bytes()


def test_a_demo_leaves_git_alone(tmp_path):
    """In a work tree that ignores demos, nothing is said or written about it."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    made = demo(tmp_path / "demo", count=1, options=ONE)
    assert made.saved.gitignore is None
    assert not (tmp_path / "demo/.gitignore").exists()
