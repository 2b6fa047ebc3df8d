"""Live sets: the rows of a build, bad images, copies, forks, and messages."""

from __future__ import annotations

import copy
import os
import pickle
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest

import smallsets
from graphs import Input, write_graph
from messages import text_of
from streamcalib import ExtraInput, ImageList, LiveSet, Recipe, build, live, sample
from streamcalib.errors import (
    BadImagesError,
    DamagedError,
    InputError,
    ListError,
    ModelError,
    SourceError,
)

RECIPES = {
    "float32": smallsets.RECIPE,
    "float16": Recipe.yolo11(smallsets.SIDE, dtype="float16"),
    "uint8": Recipe.yolo11(smallsets.SIDE, dtype="uint8"),
    "NHWC": replace(Recipe.yolo11((16, 32)), layout="NHWC"),
}


@pytest.fixture
def paths(tmp_path):
    """Thirteen images."""
    return smallsets.make_images(tmp_path / "images", 13)


def break_image(path) -> None:
    """Cut an image's file in the middle."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def all_rows(source) -> np.ndarray:
    """Return all rows of a source, read in steps."""
    return np.concatenate([source.rows(k, k + 4) for k in range(0, len(source), 4)])


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("jobs", [1, 3])
def test_rows_are_those_of_a_build(tmp_path, paths, name, jobs):
    """Rows, canvases, shape, dtype and batches equal those of a set of the same list."""
    recipe = RECIPES[name]
    made = build(paths, tmp_path / "calib.npy", recipe=recipe, jobs=1)
    alive = live(paths, recipe=recipe, jobs=jobs)
    assert (alive.shape, alive.dtype, len(alive)) == (made.shape, made.dtype, len(made))
    assert all_rows(alive).tobytes() == made.array().tobytes()
    assert alive.rows(5, 7).tobytes() == made.rows(5, 7).tobytes()
    assert alive.canvases(0, 13).tobytes() == made.canvases(0, 13).tobytes()
    assert b"".join(batch.tobytes() for batch in alive.batches(5)) == made.array().tobytes()
    sums = [int(record["canvas_crc32c"], 16) for record in made.row_records()]
    assert alive.surveyed.sums.tolist() == sums


def test_rows_are_those_that_opencv_makes(paths):
    """The comparison does not rest on a build alone."""
    assert live(paths, recipe=smallsets.RECIPE).rows(0, 13).tobytes() == (
        smallsets.rows(paths).tobytes()
    )


def test_rows_are_fresh_and_bounds_are_those_of_slices(paths):
    """What a consumer keeps does not change; a stop behind the end is the end."""
    alive = live(paths, recipe=smallsets.RECIPE)
    first = alive.rows(0, 2)
    kept = first.copy()
    second = alive.rows(2, 4)
    assert first.flags.c_contiguous
    assert (first == kept).all()
    assert not (first == second).all()
    assert len(alive.rows(12, 99)) == 1
    assert len(alive.rows(13, 14)) == 0


def test_every_reader_is_there(paths):
    """Steps of the one reader, with what a remainder becomes, as of a calibration set."""
    alive = live(paths, recipe=smallsets.RECIPE)
    reader = alive.modelopt_reader(batch_size=4, remainder="pad")
    steps = [step["images"] for step in reader]
    expected = smallsets.rows([*paths, *paths[:3]])
    assert np.concatenate(steps).tobytes() == expected.tobytes()
    reader.rewind()
    assert reader.get_next()["images"].tobytes() == expected[:4].tobytes()
    assert alive.observed_range is None
    assert not alive.is_mapped
    bytes_of = alive.reader(scale="0-255", layout="NHWC")[3]["images"]
    assert bytes_of.tobytes() == alive.canvases(3, 4).transpose(0, 2, 3, 1).tobytes()


def test_copies_carry_list_and_recipe_alone(paths):
    """A pickle is small, and its rows are the same; so is a deep copy in the midst of reading."""
    recipe = Recipe.yolo11(320)
    alive = live(paths, recipe=recipe, extra_inputs=[ExtraInput.parse("gain=2:float32")])
    row = alive.rows(0, 1)
    data = pickle.dumps(alive)
    assert len(data) < row.nbytes / 100
    for other in (pickle.loads(data), copy.deepcopy(alive)):
        assert isinstance(other, LiveSet)
        assert other.rows(0, 1).tobytes() == row.tobytes()
        assert other.extra_inputs == alive.extra_inputs
    reader = copy.deepcopy(alive.reader())
    assert reader.get_next()["images"].tobytes() == row.tobytes()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_reads_on(paths):
    """Threads do not live on in a fork, as torch's loaders begin them; it makes its own."""
    alive = live(paths, recipe=smallsets.RECIPE, jobs=2)
    expected = smallsets.rows(paths).tobytes()
    alive.rows(0, 2)
    child = os.fork()
    if child == 0:
        os._exit(0 if alive.rows(2, 13).tobytes() == expected[2 * len(expected) // 13 :] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert alive.rows(2, 13).tobytes() == expected[2 * len(expected) // 13 :]


def test_nothing_runs_before_or_after(paths):
    """No thread is left by looking at images, reading to the end, closing, and letting go."""
    alive = live(paths, recipe=smallsets.RECIPE, jobs=3)
    assert not own_threads()
    all_rows(alive)
    for each in own_threads():
        each.join(10)
    assert not own_threads()
    for let_go in (LiveSet.close, lambda _: None):
        alive.rows(0, 1)
        assert own_threads()
        let_go(alive)
    del alive
    for each in own_threads():
        each.join(10)
    assert not own_threads()


def own_threads() -> list[threading.Thread]:
    """Return the threads of live sets."""
    return [each for each in threading.enumerate() if each.name.startswith("streamcalib")]


def test_every_bad_image_is_named_before_the_first_row(paths):
    """By default bad images are refused, all of them in one message, as by a build."""
    break_image(paths[4])
    paths[9].unlink()
    with pytest.raises(BadImagesError) as caught:
        live(paths, recipe=smallsets.RECIPE)
    message = text_of(caught.value, lines=4)
    assert "2 of 13 images are bad" in message
    assert "000004.jpg" in message
    assert "000009.jpg" in message
    assert "--on-bad skip" in message
    assert [failure.source for failure in caught.value.failures] == [4, 9]


@pytest.mark.parametrize("on_bad", ["skip", "replace"])
@pytest.mark.parametrize("broken", [(0, 12), (3, 4, 11), (12,), (10, 11, 12)])
def test_bad_images_are_treated_as_by_a_build(tmp_path, on_bad, broken):
    """Left out or replaced, the rows are those of a build, to the bit, and so is the order."""
    folder = tmp_path / "images"
    smallsets.make_images(folder, 30)
    images = sample(folder, 13, seed=1, spares=9)
    for number in broken:
        break_image(folder / images[number].rpartition("/")[2])
    break_image(folder / images.spares[0].rpartition("/")[2])
    made = build(images, tmp_path / "calib.npy", recipe=smallsets.RECIPE, on_bad=on_bad, jobs=1)
    alive = live(images, recipe=smallsets.RECIPE, on_bad=on_bad, jobs=2)
    assert len(alive) == (13 if on_bad == "replace" else 13 - len(broken))
    assert all_rows(alive).tobytes() == made.array().tobytes()
    listed = [record["path"] for record in made.row_records()]
    assert [alive.entry(row) for row in range(len(alive))] == listed
    assert [(failure.path, failure.reason) for failure in alive.failures] == [
        (failure["path"], failure["reason"]) for failure in made.manifest.failures
    ]


def test_too_few_spares_and_nothing_left(tmp_path):
    """What cannot be replaced is refused with every spare that was tried; nothing left is told."""
    folder = tmp_path / "images"
    smallsets.make_images(folder, 5)
    images = sample(folder, 3, seed=1, spares=2)
    for entry in (images[0], *images.spares):
        break_image(folder / entry.rpartition("/")[2])
    with pytest.raises(BadImagesError, match="All 2 spares") as caught:
        live(images, recipe=smallsets.RECIPE, on_bad="replace")
    assert len(caught.value.failures) == 3
    for entry in images[1:]:
        break_image(folder / entry.rpartition("/")[2])
    with pytest.raises(BadImagesError, match="No image is left"):
        live(images, recipe=smallsets.RECIPE, on_bad="skip")


def test_an_image_that_becomes_bad_or_another_later_is_named(paths):
    """What was good when it was looked at, and is not when its row is read, stops the reading."""
    alive = live(paths, recipe=smallsets.RECIPE, jobs=1)
    kept = paths[11].read_bytes()
    break_image(paths[11])
    with pytest.raises(BadImagesError, match="row 11") as caught:
        all_rows(alive)
    assert "000011.jpg" in text_of(caught.value)
    assert caught.value.failures[0].source == 11
    cv2.imwrite(str(paths[11]), smallsets.picture(99))
    with pytest.raises(DamagedError, match=r"000011\.jpg.*was changed"):
        alive.rows(11, 12)
    paths[11].write_bytes(kept)
    assert alive.rows(11, 12).tobytes() == smallsets.rows(paths[11:12]).tobytes()


def test_the_model_decides_as_of_a_build(tmp_path, paths):
    """Size, dtype and name are the graph's; further inputs must be said."""
    model = write_graph(tmp_path / "m.onnx", Input("x", (1, 3, 24, 32)))
    alive = live(paths, model=model)
    assert (alive.shape, alive.input_name) == ((13, 3, 24, 32), "x")
    assert alive.model_path == str(model)
    two = write_graph(tmp_path / "two.onnx", Input(), Input("gain", (1, 2)))
    with pytest.raises(ModelError, match="gain"):
        live(paths, model=two)
    extra = ExtraInput.parse("gain=1,2:float32")
    assert set(live(paths, model=two, extra_inputs=[extra]).reader()[0]) == {"images", "gain"}


def test_refusals(tmp_path, paths):
    """Wrong lists and options are refused as builds refuse them."""
    with pytest.raises(ListError, match="names no image"):
        live(smallsets.write_list(tmp_path / "empty.txt", []))
    with pytest.raises(ListError, match="none of the first"):
        live(["a.jpg", "b.jpg"])
    with pytest.raises(ListError, match="spares"):
        live(paths, on_bad="replace")
    with pytest.raises(InputError, match="--jobs"):
        live(paths, jobs=0)
    with pytest.raises(InputError, match="at least 1 row"):
        live(paths, recipe=smallsets.RECIPE).batches(0)
    with pytest.raises((ListError, SourceError)):
        live(tmp_path / "missing.txt")
    with pytest.raises(BadImagesError, match="--max-pixels"):
        live(paths, recipe=smallsets.RECIPE, max_pixels=300)
    with pytest.raises(ListError, match="outside"):
        live(ImageList([str(path) for path in paths], (tmp_path / "else",)), confine=True)


def test_progress_counts_what_was_looked_at(paths):
    """A subscriber hears of every image, and of bad ones among them."""
    break_image(paths[0])
    told = []
    alive = live(paths, recipe=smallsets.RECIPE, on_bad="skip", progress=told.append)
    assert len(alive) == 12
    assert (told[0].stage, told[0].done, told[0].total) == ("check", 0, 13)
    assert (told[-1].done, told[-1].failed) == (13, 1)
