"""The order in which a bench measures, and what it makes sure of before each measurement."""

from __future__ import annotations

import signal
import tempfile
from itertools import pairwise

import pytest

import smallsets
from messages import text_of
from streamcalib.bench import bench
from streamcalib.benching import measuring as measuring_module
from streamcalib.benching.measuring import Measuring, Pace, places
from streamcalib.benching.prepare import prepare_bench
from streamcalib.building.options import BuildOptions
from streamcalib.errors import BadImagesError, SourceError, StoppedError

STEPS = ("read", "decode", "letterbox", "encode", "write_uint8", "write_final")
BUILDS = ("build_uint8", "build_final")
QUICK = {"recipe": smallsets.RECIPE, "repeats": 1, "seconds": 0.01}


@pytest.fixture
def images(tmp_path):
    return smallsets.make_images(tmp_path / "images", 8)


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_repeats_are_the_outermost_loop(images, out, monkeypatch):
    """Each repeat measures everything once, beginning elsewhere; workers seldom change."""
    turns = []

    def note(name, jobs):
        turns.append((name, jobs))
        return 1.0

    monkeypatch.setattr(Measuring, "start", lambda self, jobs: note("start", jobs))
    monkeypatch.setattr(Measuring, "build", lambda self, kind, jobs: note(f"build_{kind}", jobs))
    monkeypatch.setattr(
        Measuring, "step", lambda self, name, jobs, turn: Pace(note(name, jobs), turn)
    )
    result = bench(images[0].parent, out=out, jobs=2, backend="threading", **QUICK | {"repeats": 3})
    each = [(name, jobs) for jobs in (1, 2) for name in ("start", *STEPS, *BUILDS)]
    repeats = [turns[start : start + 18] for start in (0, 18, 36)]
    assert [set(repeat) for repeat in repeats] == [set(each)] * 3
    assert [each.index(repeat[0]) for repeat in repeats] == [0, 6, 12]
    assert all(
        sum(one[1] != other[1] for one, other in pairwise(repeat)) <= 2 for repeat in repeats
    )
    assert result.measured("read", 2).cores_busy == (0.0, 1 / 3, 2 / 3)
    assert result.measured("build_final", 2).cores_busy == ()


def test_only_so_many_workers_hold_files_at_once(images, out, monkeypatch):
    """Those of another number are ended, and what this process held is freed, before."""
    ended = []
    monkeypatch.setattr(measuring_module, "end_workers", ended.append)
    prepared = prepare_bench(
        images[0].parent,
        count=8,
        seed=1,
        out=out,
        options=BuildOptions(jobs=2, backend="threading"),
        **QUICK,
    )
    with places(prepared.out) as where:
        measuring = Measuring(prepared, prepared.images, where)
        for jobs in (1, 1, 2, 2, 1):
            measuring.step("read", jobs, 0.0)
    assert len(ended) == 3


def test_a_build_begins_once_files_that_went_are_gone(images, out, monkeypatch):
    """The folder they were in is flushed, so that no build pays for it."""
    flushed, builds = [], []
    monkeypatch.setattr(measuring_module, "sync", lambda folder: flushed.append(folder.parent))
    monkeypatch.setattr(
        measuring_module, "build", lambda *_, **options: builds.append(len(flushed))
    )
    bench(images[0].parent, out=out, jobs=1, **QUICK)
    # Before either write step, and either build.
    assert builds == [3, 4]
    assert flushed == [out] * 4


@pytest.mark.parametrize("error", [BadImagesError("1 bad", ()), SourceError("no file: --root")])
def test_images_that_change_meanwhile_stop_it(images, out, monkeypatch, error):
    """In a build, too; the message is a bench's own."""

    def changed(*_arguments, **_options):
        raise error

    monkeypatch.setattr(measuring_module, "build", changed)
    with pytest.raises(StoppedError, match="a moment ago") as caught:
        bench(images[0].parent, out=out, jobs=1, **QUICK)
    assert "--" not in text_of(caught.value)
    assert not list(out.iterdir())


def test_folders_are_taken_away_whenever_ctrl_c_comes(tmp_path, monkeypatch):
    """Also between the making of one and the note of it."""
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    made = tempfile.mkdtemp

    def interrupted(*arguments, **options):
        folder = made(*arguments, **options)
        signal.raise_signal(signal.SIGINT)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", interrupted)
    with pytest.raises(KeyboardInterrupt), places(tmp_path):
        pytest.fail("it was not interrupted")
    assert list(aside.iterdir()) == []
    assert list(tmp_path.iterdir()) == [aside]
