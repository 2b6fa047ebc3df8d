"""The one reader: steps, in order, by every protocol, without loading the set."""

from __future__ import annotations

import copy
import pickle
import signal
import threading
import time
from concurrent.futures import thread as thread_pools
from typing import TYPE_CHECKING

import numpy as np
import pytest

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, ExtraInput, build
from streamcalib.errors import DamagedError, InputError

if TYPE_CHECKING:
    from pathlib import Path

SIZE = ExtraInput("orig_size", [640, 480], "int64")


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> list[Path]:
    return smallsets.make_images(tmp_path_factory.mktemp("reader") / "images", 6)


@pytest.fixture(scope="module")
def calibration(tmp_path_factory, paths) -> CalibrationSet:
    out = tmp_path_factory.mktemp("reader") / "calib.npz"
    return build(paths, out, recipe=smallsets.RECIPE, jobs=1, extra_inputs=[SIZE])


def steps(reader) -> list[dict[str, np.ndarray]]:
    return list(iter(reader.get_next, None))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 6])
def test_steps_are_all_rows_in_order(calibration, paths, batch_size):
    """Every step has ``batch_size`` rows, and after the last comes None, for ever."""
    reader = calibration.modelopt_reader(batch_size=batch_size)
    given = steps(reader)
    assert len(given) == len(reader) == 6 // batch_size
    assert {step["images"].shape for step in given} == {(batch_size, 3, 16, 16)}
    rows = np.concatenate([step["images"] for step in given])
    np.testing.assert_array_equal(rows, smallsets.rows(paths))
    assert reader.get_next() is None
    assert reader.get_next() is None


def test_further_inputs_are_in_every_step(calibration):
    """Constants are repeated for the batch, in their dtype."""
    for step in steps(calibration.modelopt_reader(batch_size=3)):
        assert set(step) == {"images", "orig_size"}
        assert step["orig_size"].dtype == np.int64
        assert step["orig_size"].flags.c_contiguous
        assert step["orig_size"].tolist() == [[640, 480]] * 3


def test_the_first_step_is_there_at_any_time(calibration):
    """``get_first`` does not move on, in the middle or at the end."""
    reader = calibration.modelopt_reader(batch_size=2)
    first = reader.get_first()["images"]
    np.testing.assert_array_equal(first, reader.get_next()["images"])
    second = reader.get_next()["images"]
    np.testing.assert_array_equal(reader.get_first()["images"], first)
    third = reader.get_next()["images"]
    assert not np.array_equal(second, third)
    assert reader.get_next() is None
    np.testing.assert_array_equal(reader.get_first()["images"], first)


def test_rewinding_begins_again(calibration):
    """After a rewind all steps come once more."""
    reader = calibration.modelopt_reader(batch_size=4 - 1)
    before = [step["images"] for step in steps(reader)]
    reader.rewind()
    np.testing.assert_array_equal(before, [step["images"] for step in steps(reader)])


def test_the_input_may_be_renamed(calibration):
    """A graph whose input has another name gets it under that."""
    assert "pixels" in calibration.modelopt_reader("pixels").get_first()
    assert "images" in calibration.modelopt_reader().get_first()


@pytest.mark.parametrize("batch_size", [4, 5, 7, 12])
def test_rows_are_never_dropped(calibration, batch_size):
    """A batch size that leaves a short step is refused with both numbers."""
    with pytest.raises(InputError) as caught:
        calibration.modelopt_reader(batch_size=batch_size)
    message = text_of(caught.value)
    assert str(batch_size) in message
    assert "6 rows" in message
    with pytest.raises(InputError, match="at least 1 row"):
        calibration.modelopt_reader(batch_size=0)


def test_nothing_is_loaded(calibration):
    """A step is a view of the mapped file, contiguous and read-only."""
    step = calibration.modelopt_reader(batch_size=2).get_next()["images"]
    assert np.shares_memory(step, calibration.array())
    assert step.flags.c_contiguous
    assert not step.flags.writeable


def test_readers_do_not_disturb_each_other(calibration):
    """Each has a position of its own."""
    one, other = calibration.modelopt_reader(), calibration.modelopt_reader()
    one.get_next()
    np.testing.assert_array_equal(other.get_next()["images"], one.get_first()["images"])


@pytest.fixture
def canvases(paths, tmp_path) -> CalibrationSet:
    return build(paths, tmp_path / "c.npy", recipe=smallsets.RECIPE, store="uint8", jobs=1)


@pytest.fixture
def reader_threads():
    """Readers' threads that began in this test; of others' readers some may not be collected."""
    others = set(threading.enumerate())

    def begun() -> list[threading.Thread]:
        threads = set(threading.enumerate()) - others
        return [one for one in threads if one.name.startswith("streamcalib-reader")]

    return begun


def test_rows_are_encoded_while_the_graph_runs(canvases, paths, monkeypatch, reader_threads):
    """The step after the one handed out is already being made, by a thread that ends with it."""
    made: list[tuple[int, bool]] = []
    rows = CalibrationSet.rows

    def noted(self, start, stop):
        made.append((start, threading.current_thread() is threading.main_thread()))
        return rows(self, start, stop)

    monkeypatch.setattr(CalibrationSet, "rows", noted)
    reader = canvases.modelopt_reader(batch_size=2)
    given = [reader.get_next()["images"]]
    while len(made) < 2:
        time.sleep(0.001)
    given += [step["images"] for step in steps(reader)]
    assert made == [(0, True), (2, False), (4, False)]
    np.testing.assert_array_equal(np.concatenate(given), smallsets.rows(paths))
    for _ in range(1000):
        if not reader_threads():
            break
        time.sleep(0.005)
    assert not reader_threads()


def test_mapped_rows_need_no_thread(calibration, reader_threads):
    """They are views, and nothing is done ahead."""
    reader = calibration.modelopt_reader()
    reader.get_next()
    assert not reader_threads()


def test_a_reader_can_turn_back_and_be_copied_midway(canvases, paths):
    """What was made ahead is not taken for another step."""
    expected = smallsets.rows(paths)
    reader = canvases.modelopt_reader(batch_size=2)
    reader.get_next()
    reader.get_next()
    for copied in (copy.deepcopy(reader), pickle.loads(pickle.dumps(reader))):
        np.testing.assert_array_equal(copied.get_next()["images"], expected[4:])
    reader.rewind()
    np.testing.assert_array_equal(np.concatenate([s["images"] for s in steps(reader)]), expected)


def test_what_goes_wrong_ahead_is_raised_at_its_step(canvases, monkeypatch):
    """Not lost in a thread."""
    reader = canvases.modelopt_reader(batch_size=2)
    rows = CalibrationSet.rows

    def broken(self, start, stop):
        if start == 2:
            raise OSError(5, "Input/output error")
        return rows(self, start, stop)

    monkeypatch.setattr(CalibrationSet, "rows", broken)
    reader.get_next()
    with pytest.raises(OSError, match="Input/output error"):
        reader.get_next()


def test_iterating_begins_anew_and_moves_nothing(calibration, canvases):
    """Twice over, in the midst of ``get_next``, from a mapped file and from canvases."""
    for one in (calibration, canvases):
        reader = one.reader(batch_size=2)
        reader.get_next()
        for _ in range(2):
            given = [step["images"] for step in reader]
            np.testing.assert_array_equal(np.concatenate(given), one.rows(0, 6))
        np.testing.assert_array_equal(reader.get_next()["images"], one.rows(2, 4))


def test_steps_by_number(calibration):
    """From both ends, and no further."""
    reader = calibration.reader(batch_size=2)
    np.testing.assert_array_equal(reader[1]["images"], calibration.rows(2, 4))
    np.testing.assert_array_equal(reader[-1]["images"], calibration.rows(4, 6))
    for number in (3, -4):
        with pytest.raises(IndexError):
            reader[number]
    with pytest.raises(TypeError):
        reader["images"]


@pytest.mark.parametrize("kind", ["calibration", "canvases"])
def test_a_range_of_steps(kind, request):
    """``set_range`` counts steps; a rewind gives all of them again."""
    one = request.getfixturevalue(kind)
    reader = one.reader(batch_size=2)
    for start in range(3):
        reader.set_range(start_index=start, end_index=start + 1)
        (step,) = steps(reader)
        np.testing.assert_array_equal(step["images"], one.rows(2 * start, 2 * start + 2))
    reader.rewind()
    assert len(steps(reader)) == 3
    for wrong in ((-1, 2), (2, 1), (0, 4)):
        with pytest.raises(InputError, match="there are 3"):
            reader.set_range(*wrong)


def test_padded_and_dropped(calibration):
    """The first rows fill the last step up, or the last rows are left out."""
    everything = calibration.rows(0, 6)
    padded = [step["images"] for step in calibration.reader(batch_size=4, remainder="pad")]
    np.testing.assert_array_equal(
        np.concatenate(padded), np.concatenate([everything, everything[:2]])
    )
    dropped = [step["images"] for step in calibration.reader(batch_size=4, remainder="drop")]
    np.testing.assert_array_equal(np.concatenate(dropped), everything[:4])
    (one,) = calibration.reader(batch_size=16, remainder="pad")
    np.testing.assert_array_equal(one["images"], np.resize(everything, (16, 3, 16, 16)))
    assert one["orig_size"].shape == (16, 2)


def test_damage_is_found_where_it_is_read(paths, tmp_path):
    """A row that is no longer what was built is not given to a quantizer."""
    calib = build(paths, tmp_path / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    array = np.load(calib.path, mmap_mode="r+")
    array[3] = 0
    array.flush()
    reader = CalibrationSet.open(calib.path).reader(batch_size=3)
    reader.get_next()
    with pytest.raises(DamagedError, match="row 3"):
        reader.get_next()


def test_copies_carry_no_rows(calibration):
    """A pickle of a reader says where the set is."""
    assert len(pickle.dumps(calibration.reader(batch_size=6))) < 3000


def test_representative_dataset(calibration):
    """A fresh generator each time, of lists in the order of the inputs, pixels last."""
    dataset = calibration.representative_dataset()
    for _ in range(2):
        items = list(dataset())
        assert [len(item) for item in items] == [2] * 6
        np.testing.assert_array_equal(
            np.concatenate([item[0] for item in items]),
            calibration.rows(0, 6).transpose(0, 2, 3, 1),
        )
    named = next(calibration.representative_dataset(by_name=True, batch_size=2)())
    assert list(named) == ["images", "orig_size"]
    assert named["images"].shape == (2, 16, 16, 3)


def test_an_interrupt_while_the_thread_starts_leaves_none(canvases, monkeypatch, reader_threads):
    """It is held back until the thread is known to its pool, which ends it with the reader."""
    start = threading.Thread.start

    def interrupted(thread):
        start(thread)
        signal.raise_signal(signal.SIGINT)

    reader = canvases.reader(batch_size=2)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reader.get_next()
    monkeypatch.undo()
    # What Python ends when it ends itself; a thread that is not noted there would be waited for.
    (started,) = reader_threads()
    assert started in thread_pools._threads_queues
    del reader
    started.join(timeout=5)
    assert not started.is_alive()
