"""The workers of a build, when it ends before its time."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

import smallsets
from streamcalib import build
from streamcalib.building import worker


class EnoughError(Exception):
    """What the caller's progress raises."""


@pytest.fixture
def large(tmp_path) -> Path:
    """A photograph that takes a while to decode."""
    coarse = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    path = tmp_path / "large.jpg"
    cv2.imwrite(str(path), cv2.resize(coarse, (1600, 1200)))
    return path


def end_early(progress) -> None:
    if progress.done:
        raise EnoughError


def threads_at_work() -> int:
    """Return how many threads are making rows at this moment."""
    count = 0
    for frame in sys._current_frames().values():
        while frame is not None and frame.f_code.co_filename != worker.__file__:
            frame = frame.f_back
        count += frame is not None
    return count


def end_early_with(large: Path, tmp_path: Path, **options) -> None:
    images = [large] * 400
    out = tmp_path / "out" / "calib.npy"
    with pytest.raises(EnoughError):
        build(images, out, recipe=smallsets.RECIPE, progress=end_early, jobs=2, **options)


def test_no_thread_works_on_when_a_build_has_ended(large, tmp_path):
    """Whoever ends a build early gets control back once the last task has ended.

    A thread that decodes while Python ends takes the process down with it.
    """
    end_early_with(large, tmp_path, backend="threading")
    assert threads_at_work() == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["calib.npy.build"]


def test_no_process_works_on_when_a_build_has_ended(large, tmp_path):
    """Worker processes are gone before control comes back."""
    end_early_with(large, tmp_path)
    children = psutil.Process().children(recursive=True)
    living = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    assert not [child for child in living if "popen_loky" in " ".join(child.cmdline())]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["calib.npy.build"]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_the_callers_handlers_are_put_back(tmp_path, backend):
    """Signals, their mask and the hook for failing threads are as they were."""

    def mine(number, frame):
        pass

    def hook(failure):
        raise AssertionError(failure)

    paths = smallsets.make_images(tmp_path / "images", 5)
    before = {number: signal.signal(number, mine) for number in (signal.SIGINT, signal.SIGTERM)}
    outspoken, threading.excepthook = threading.excepthook, hook
    try:
        build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=2, backend=backend)
        assert threading.excepthook is hook
        assert all(signal.getsignal(number) is mine for number in before)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    finally:
        threading.excepthook = outspoken
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_build_may_run_in_any_thread(tmp_path):
    """Outside the main thread there are no signals to handle, and the set is the same."""
    paths = smallsets.make_images(tmp_path / "images", 5)
    made = []

    def make() -> None:
        made.append(build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=2))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    np.testing.assert_array_equal(made[0].array(), smallsets.rows(paths))


def test_builds_side_by_side_leave_the_process_as_it_was(tmp_path):
    """OpenCV's threads and the hook for failing threads are put back when the last one ends."""
    paths = smallsets.make_images(tmp_path / "images", 5)
    entered, ended = threading.Barrier(2), threading.Event()
    before = (cv2.getNumThreads(), threading.excepthook)
    cv2.setNumThreads(3)

    def make(name: str) -> None:
        first = name == "first.npy"

        def progress(state) -> None:
            if state.done == 0:
                entered.wait()
            elif not first:
                ended.wait()

        build(paths, tmp_path / name, recipe=smallsets.RECIPE, jobs=1, progress=progress)
        if first:
            ended.set()

    try:
        names = ("first.npy", "second.npy")
        threads = [threading.Thread(target=make, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (cv2.getNumThreads(), threading.excepthook) == (3, before[1])
    finally:
        cv2.setNumThreads(before[0])


def test_a_single_workers_buffers_go_with_the_build(tmp_path):
    """With one worker that is the caller's own thread, which goes on to other things."""
    paths = smallsets.make_images(tmp_path / "images", 5)
    build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    assert worker._kept.tools is None
