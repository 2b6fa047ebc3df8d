"""What a bench measures and says, at toy size; and that nothing of it is left behind."""

from __future__ import annotations

import errno
import json
import math
import os
import tempfile
from pathlib import Path

import pytest

import smallsets
from messages import text_of
from streamcalib.bench import bench
from streamcalib.choosing.sample import sample
from streamcalib.errors import (
    InputError,
    ListError,
    OutputError,
    PlanError,
    SourceError,
    StoppedError,
)
from streamcalib.progress import Progress
from streamcalib.recipe import Recipe
from streamcalib.stores.npy import NpyStore, NpyWriter

STEPS = ("read", "decode", "letterbox", "encode", "write_uint8", "write_final")
BUILDS = ("build_uint8", "build_final")
QUICK = {"recipe": smallsets.RECIPE, "repeats": 1, "seconds": 0.01}


@pytest.fixture
def images(tmp_path) -> list[Path]:
    """Eight images in the folder ``images``."""
    return smallsets.make_images(tmp_path / "images", 8)


@pytest.fixture
def out(tmp_path, monkeypatch) -> Path:
    """The folder to measure; the system's temporary folder is beside it, and seen to be empty."""
    for name in ("out", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "out"


def nothing_is_left(out: Path) -> bool:
    """Whether scratch and temporary folder are as they were."""
    return not list(out.iterdir()) and not list((out.parent / "temporary").iterdir())


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_every_step_and_build_is_measured(images, out, backend):
    """For one worker and two: as many rates as repeats, all positive, and starts of workers."""
    result = bench(images[0].parent, out=out, jobs=2, backend=backend, **QUICK | {"repeats": 2})
    assert result.jobs == (1, 2)
    assert result.names == STEPS + BUILDS
    assert len(result.measurements) == 2 * len(result.names)
    for found in result.measurements:
        assert len(found.rates) == 2
        assert all(0 < rate < math.inf for rate in found.rates)
        assert min(found.rates) <= found.rate <= max(found.rates)
    assert [len(found) for found in result.start_seconds.values()] == [2, 2]
    assert result.bad == ()
    assert nothing_is_left(out)


def test_rates_are_told_in_bytes_too(images, out):
    """What a step or build writes for an image is the row's size in its store."""
    result = bench(images[0].parent, out=out, jobs=1, **QUICK)
    written = {found.name: found.row_bytes for found in result.measurements if found.row_bytes}
    canvas = 3 * smallsets.SIDE**2
    assert written == {
        "write_uint8": canvas,
        "write_final": 4 * canvas,
        "build_uint8": canvas,
        "build_final": 4 * canvas,
    }
    busy = {found.name for found in result.measurements if found.cores_busy}
    assert busy == set(STEPS)
    found = result.measured("write_final", 1)
    assert found.megabytes_per_second == pytest.approx(found.rate * 4 * canvas / 1e6)


def test_a_recipe_of_plain_canvases_has_one_store(images, out):
    """Where both stores would hold the same bytes, nothing is encoded or measured twice."""
    recipe = Recipe(height=16, width=16, dtype="uint8", scale=1.0)
    result = bench(images[0].parent, out=out, jobs=1, **QUICK | {"recipe": recipe})
    assert result.names == ("read", "decode", "letterbox", "write_final", "build_final")
    assert set(result.verdict.bottlenecks) == {"final"}


def test_json_holds_everything(images, out):
    """Machine, parameters, every repeat, medians and verdict; but no path."""
    result = bench(images[0].parent, out=out, jobs=2, backend="threading", **QUICK)
    text = result.to_json()
    told = json.loads(text)
    assert (told["format"], told["version"]) == ("streamcalib-bench", 1)
    assert told["machine"]["cores"] >= 1
    assert {"streamcalib", "python", "numpy", "platform"} <= set(told["machine"]["versions"])
    assert told["parameters"]["jobs"] == [1, 2]
    assert told["parameters"]["backend"] == "threading"
    assert told["images"]["count"] == told["images"]["population"] == 8
    assert told["row"]["bytes"] == 4 * 3 * smallsets.SIDE**2
    assert len(told["measurements"]) == len(result.measurements)
    for record, found in zip(told["measurements"], result.measurements, strict=True):
        assert record["images_per_second"] == {"median": found.rate, "repeats": list(found.rates)}
        assert ("megabytes_per_second" in record) == bool(found.row_bytes)
        assert ("cores_busy" in record) == (not found.name.startswith("build"))
    assert [record["jobs"] for record in told["start_seconds"]] == [1, 2]
    assert len(told["build_over_decode"]) == 4
    assert set(told["verdict"]) == {"bottlenecks", "findings", "advice"}
    assert str(out.parent) not in text


def test_the_images_are_those_that_sample_chooses(images, out):
    """Sizes on average are the chosen images' own; the seed decides."""
    for seed in (1, 2):
        result = bench(images[0].parent, out=out, count=3, seed=seed, jobs=1, **QUICK)
        chosen = sample(images[0].parent, 3, seed=seed, absolute=True)
        mean = sum(Path(path).stat().st_size for path in chosen) / 3
        assert result.images["count"] == 3
        assert result.images["population"] == 8
        assert result.images["mean_file_bytes"] == round(mean)


def test_photographs_are_made_where_there_is_no_source(out):
    """Of COCO's size, in a temporary folder that goes again."""
    result = bench(out=out, count=2, jobs=2, backend="threading", **QUICK)
    assert result.images["source"] == "made"
    assert result.images["count"] == 2
    assert result.images["mean_pixels"] > 100_000
    assert nothing_is_left(out)


def test_made_photographs_are_used_over_and_over(out, monkeypatch):
    """Many images need not be many files."""
    monkeypatch.setattr("streamcalib.benching.prepare.MOST_MADE", 2)
    monkeypatch.setattr("streamcalib.bench.MOST_MADE", 2)
    result = bench(out=out, count=5, jobs=1, **QUICK)
    assert (result.images["count"], result.images["population"]) == (5, 2)


def test_bad_images_are_left_out(images, out):
    """They are named with reasons, and the others measured; so many workers as there are images."""
    for path in images[2:]:
        path.write_bytes(b"")
    images[2].unlink()
    listed = smallsets.write_list(out.parent / "list.txt", images)
    result = bench(listed, out=out, jobs=4, backend="threading", **QUICK)
    assert {failure.path for failure in result.bad} == set(map(str, images[2:]))
    assert {failure.reason for failure in result.bad if failure.path != str(images[2])} == {
        "the file is empty"
    }
    assert result.images["count"] == 2
    assert result.jobs == (1, 2)
    assert json.loads(result.to_json())["bad_images"] == 6


def test_nothing_is_measured_without_a_good_image(images, out):
    """The reasons are told, and nothing is left."""
    for path in images:
        path.write_bytes(b"no image")
    with pytest.raises(InputError) as caught:
        bench(images[0].parent, out=out, jobs=2, **QUICK)
    message = text_of(caught.value, lines=9)
    assert message.startswith("none of the 8 images can become a row:")
    assert "not an image" in message
    assert nothing_is_left(out)


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("at", [1, 4, 9, 12, 17])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_nothing_is_left_of_a_bench_that_ends_early(images, out, backend, at, error):
    """Whatever ends it, at any measurement, the scratch folders are gone."""

    def end(progress: Progress) -> None:
        if progress.done == at:
            assert not nothing_is_left(out)
            raise error

    with pytest.raises(error):
        bench(images[0].parent, out=out, jobs=2, backend=backend, progress=end, **QUICK)
    assert nothing_is_left(out)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("call", [(NpyStore, "create"), (NpyWriter, "write")])
def test_a_full_disk_ends_it(images, out, monkeypatch, jobs, call):
    """The message says so; threads that wait for the one that failed do not wait for ever."""

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*call, full)
    with pytest.raises(StoppedError, match="No space left on device") as caught:
        bench(images[0].parent, out=out, jobs=jobs, backend="threading", **QUICK)
    assert "--out" in text_of(caught.value)
    assert nothing_is_left(out)


def test_progress_counts_measurements(images, out):
    """It begins at none and ends with all of them."""
    told: list[Progress] = []
    result = bench(images[0].parent, out=out, jobs=1, progress=told.append, **QUICK)
    total = len(result.measurements) + 1
    assert [progress.done for progress in told] == list(range(total + 1))
    assert {(progress.stage, progress.total) for progress in told} == {("bench", total)}


@pytest.mark.parametrize(
    ("options", "error", "option"),
    [
        ({"count": 0}, ListError, "--count"),
        ({"repeats": 0}, InputError, "--repeats"),
        ({"seconds": 0}, InputError, "--seconds"),
        ({"seconds": math.nan}, InputError, "--seconds"),
        ({"seconds": math.inf}, InputError, "--seconds"),
        ({"jobs": 0}, PlanError, "--jobs"),
        ({"backend": "slurm"}, InputError, "--backend"),
        ({"backend": "dask"}, InputError, "--backend loky or threading"),
        ({"decoder": "best"}, InputError, "--decoder"),
        ({"cache_window": 0}, InputError, "--cache-window"),
        ({"out": "nowhere"}, OutputError, "--out"),
        ({"out": ""}, OutputError, "--out"),
    ],
)
def test_what_makes_no_sense_is_refused(images, out, options, error, option):
    """The message names the option, and nothing was written."""
    with pytest.raises(error) as caught:
        bench(images[0].parent, **{"out": out, **QUICK, **options})
    assert option in text_of(caught.value)
    assert nothing_is_left(out)


def test_an_empty_source_is_refused(images, out, monkeypatch):
    """It comes of a shell variable that is not set, and does not mean the folder at hand."""
    monkeypatch.chdir(images[0].parent)
    with pytest.raises(SourceError, match="the source is empty"):
        bench("", out=out, **QUICK)


def test_a_folder_without_images_needs_no_option_that_a_bench_lacks(out):
    """A glob takes other endings."""
    with pytest.raises(SourceError, match=r"no image ending in \.jpg, \.jpeg") as caught:
        bench(out, out=out, **QUICK)
    assert "--" not in text_of(caught.value)
    assert "glob" in text_of(caught.value)


def test_by_default_each_worker_has_as_many_images(images, out, monkeypatch):
    """Here three of eight for one, and six for two."""
    monkeypatch.setattr("streamcalib.benching.prepare.IMAGES_PER_WORKER", 3)
    for jobs in (1, 2):
        result = bench(images[0].parent, out=out, jobs=jobs, backend="threading", **QUICK)
        assert result.images["count"] == 3 * jobs


def test_a_disk_that_is_too_small_is_refused(images, out, monkeypatch):
    """Before anything is measured."""
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**4}))
    with pytest.raises(PlanError, match="not enough disk space"):
        bench(images[0].parent, out=out, **QUICK)
    assert nothing_is_left(out)


def test_the_scratch_folder_is_nobody_elses(images, out):
    """Its name is not known before, and only its owner may look into it."""
    seen: set[Path] = set()

    def look(progress: Progress) -> None:
        seen.update(out.iterdir())

    for _ in range(2):
        bench(images[0].parent, out=out, jobs=1, progress=look, **QUICK)
    assert len(seen) == 2
