"""The steps of a build alone do what a build does, with what a worker holds."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import smallsets
from streamcalib.benching import held as held_module
from streamcalib.benching import steps as steps_module
from streamcalib.benching import task as task_module
from streamcalib.benching.gate import Gate
from streamcalib.benching.held import Held
from streamcalib.benching.steps import Circumstances, step
from streamcalib.benching.task import Order, Setup
from streamcalib.errors import StoppedError
from streamcalib.recipe import Recipe
from streamcalib.stores.npy import NpyStore, NpyWriter

SETUP = Setup(
    bench="a",
    recipe=smallsets.RECIPE,
    decoder="simplejpeg",
    bases=(),
    rows_at_once=2,
    window_bytes=10**6,
    own_process=False,
)


@pytest.fixture
def paths(tmp_path):
    return smallsets.make_images(tmp_path / "images", 8)


@pytest.fixture
def held(paths):
    return hold(paths)


def hold(paths, recipe=smallsets.RECIPE, files_bytes=10**9, rows_at_once=2) -> Held:
    entries = [str(path) for path in paths]
    return Held(
        entries,
        (),
        recipe=recipe,
        decoder="simplejpeg",
        files_bytes=files_bytes,
        rows_at_once=rows_at_once,
    )


def given(store=None, rows=range(0), turn=0.0, rows_at_once=2) -> Circumstances:
    return Circumstances(
        store=store, rows=rows, rows_at_once=rows_at_once, window_bytes=10**6, turn=turn
    )


def test_what_is_held_is_made_as_a_build_makes_it(held, paths):
    """Files are whole, and rows are those of the images."""
    assert held.files == [path.read_bytes() for path in paths]
    np.testing.assert_array_equal(held.rows, smallsets.rows(paths))
    np.testing.assert_array_equal(held.canvases, (held.rows * 255).round().astype(np.uint8))


def test_what_is_held_is_bounded(paths, monkeypatch):
    """However many images there are; one, and what a build handles at once, is always held."""
    monkeypatch.setattr(held_module, "_PIXELS_BYTES", 1)
    few = hold(paths, files_bytes=1)
    assert (len(few.files), len(few.images), len(few.canvases), len(few.rows)) == (1, 1, 2, 2)
    monkeypatch.setattr(held_module, "_PIXELS_BYTES", 3 * 3 * smallsets.SIDE**2 * 4)
    some = hold(paths, files_bytes=paths[0].stat().st_size + 1)
    assert len(some.files) == 2
    assert len(hold(paths).rows) == 3


@pytest.mark.parametrize("name", ["start", "read", "decode", "letterbox", "encode"])
def test_a_step_counts_its_images(held, name):
    """One each, or as many as a build encodes at once."""
    with step(name, held, given()) as do:
        assert {do() for _ in range(20)} == {2 if name == "encode" else 1}


@pytest.mark.parametrize(("name", "dtype"), [("write_uint8", "uint8"), ("write_final", "float32")])
def test_writing_fills_each_workers_rows(held, tmp_path, monkeypatch, name, dtype):
    """Ready rows are written once each, a worker's to its own rows alone, and then it is done."""
    store = NpyStore(path=tmp_path / "a.npy", rows=8, row_shape=(3, 16, 16), dtype=dtype)
    store.create()
    ready = {"write_uint8": held.canvases, "write_final": held.rows}[name]
    written = []
    monkeypatch.setattr(
        NpyWriter,
        "write",
        lambda self, index, rows, write=NpyWriter.write: (
            written.append((index, len(rows))),
            write(self, index, rows),
        ),
    )
    for rows, counts in ((range(3), [2, 1, 0, 0]), (range(4, 8), [2, 2, 0, 0])):
        with step(name, held, given(store, rows)) as do:
            assert [do() for _ in range(4)] == counts
    assert written == [(0, 2), (2, 1), (4, 2), (6, 2)]
    stored = store.read().array
    assert not stored[3].any()
    np.testing.assert_array_equal(stored[4:], ready[:4])


def test_one_row_is_written_where_a_worker_has_but_one(held, tmp_path):
    """Though a build would handle more at once."""
    store = NpyStore(path=tmp_path / "a.npy", rows=2, row_shape=(3, 16, 16), dtype="float32")
    store.create()
    with step("write_final", held, given(store, range(1, 2))) as do:
        assert do() == 1
    assert store.read().array[1].any()
    assert not store.read().array[0].any()


def test_an_image_of_the_canvas_width_is_decoded_straight_there(tmp_path, monkeypatch):
    """As in a build: into one buffer over and over, and the letterbox need not place it again."""
    names = ("wide.jpg", "narrow.jpg", "large.jpg", "turned.png")
    sizes = ((9, 16), (16, 9), (24, 32), (16, 16))
    for name, size in zip(names, sizes, strict=True):
        cv2.imwrite(str(tmp_path / name), np.full((*size, 3), 77, np.uint8))
    held = hold([tmp_path / name for name in names])
    assert [image.is_straight for image in held.images] == [True, False, False, False]
    assert all(
        image.pixels.base is None or image.pixels.base.nbytes < 10**4 for image in held.images
    )
    expected = [cv2.imread(str(tmp_path / name))[..., ::-1] for name in names]
    for image, pixels in zip(held.images, expected, strict=True):
        np.testing.assert_array_equal(image.pixels, pixels)
    fitted, buffers = [], []
    monkeypatch.setattr(steps_module, "fit", lambda image, *_: fitted.append(image.shape[:2]))
    with step("letterbox", held, given()) as do:
        assert [do() for _ in range(4)] == [1] * 4
    assert fitted == [*sizes[1:]]
    real = held.decoder.decode
    decoder = SimpleNamespace(
        decode=lambda data, order, out=None: buffers.append(out) or real(data, order, out)
    )
    monkeypatch.setattr(held, "decoder", decoder)
    with step("decode", held, given()) as do:
        assert [do() for _ in range(5)] == [1] * 5
    first, narrow, large, again = buffers
    assert narrow is large is None
    assert np.shares_memory(first, again)


def test_the_time_on_the_processor_is_kept_apart_from_waiting(paths, tmp_path, monkeypatch):
    """A step that sleeps keeps no core busy, and ends when nothing is left to do."""

    @contextmanager
    def sleeping(*_arguments):
        yield iter([3, 2, 0]).__next__

    clocks = {"monotonic": iter([10.0, 10.1, 10.2, 14.0]), "thread_time": iter([1.0, 1.5])}
    for name, values in clocks.items():
        monkeypatch.setattr(task_module.time, name, values.__next__)
    monkeypatch.setattr(task_module, "step", sleeping)
    monkeypatch.setattr(Gate, "wait", lambda *_: None)
    order = Order(
        "decode", 0, 1, [str(path) for path in paths], None, 60.0, 0.0, Gate(str(tmp_path), 1)
    )
    assert task_module.measure(SETUP, order) == (5, 10.0, 14.0, 0.5)
    task_module.forget()


def test_reasons_name_no_option_that_a_bench_lacks(paths, monkeypatch):
    """A bench takes a build's usual limit of pixels."""
    huge = cv2.imencode(".jpg", np.zeros((1, 1, 3), np.uint8))[1].tobytes()
    at = huge.index(b"\xff\xc0") + 5
    paths[0].write_bytes(huge[:at] + b"\xff\xdc\xff\xdc" + huge[at + 4 :])
    ((index, reason),) = task_module.check(SETUP, [str(path) for path in paths]).failures
    assert index == 0
    assert "over the limit" in reason
    assert "--" not in reason


@pytest.mark.parametrize(
    "error", [MemoryError(), cv2.error("OpenCV: (-4:Insufficient memory) Failed to allocate")]
)
def test_a_lack_of_memory_is_a_reason(paths, monkeypatch, error):
    """Whoever says so."""

    def make(*_arguments):
        raise error

    monkeypatch.setattr(task_module.CanvasMaker, "make", make)
    checked = task_module.check(SETUP, [str(paths[0])])
    assert checked.failures == [(0, "there is not enough memory to decode it")]


def test_a_later_turn_begins_elsewhere(held, monkeypatch):
    """So that repeats of few images a second see different ones."""
    seen = []
    monkeypatch.setattr(held, "decode", seen.append)
    for turn in (0.0, 0.5):
        with step("decode", held, given(turn=turn)) as do:
            do()
    assert seen == [held.files[0], held.files[4]]


def test_a_file_that_goes_bad_meanwhile_is_told(held, paths):
    """It was good when the bench began."""
    paths[0].unlink()
    with step("read", held, given()) as do, pytest.raises(StoppedError, match="a moment ago"):
        do()


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_every_recipe_can_be_measured(paths, tmp_path, dtype, layout):
    """Rows of any dtype and layout are encoded and written."""
    scale = {} if dtype != "uint8" else {"scale": 1.0}
    recipe = Recipe(height=16, width=16, dtype=dtype, layout=layout, **scale)
    held = hold(paths, recipe)
    store = NpyStore(path=tmp_path / "a.npy", rows=8, row_shape=recipe.row_shape, dtype=dtype)
    store.create()
    for name in ("encode", "write_final"):
        with step(name, held, given(store, range(8))) as do:
            assert do() == 2
    np.testing.assert_array_equal(store.read().array[:2], held.rows[:2])


def test_rows_are_dealt_out_whole():
    """Every row is one worker's, as the edges in a task are computed."""
    for rows in range(1, 30):
        for jobs in range(1, rows + 1):
            edges = [rows * number // jobs for number in range(jobs + 1)]
            assert all(start < stop for start, stop in pairwise(edges))
