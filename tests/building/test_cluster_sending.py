"""What becomes of a task that did not come back, and what workers are asked, without a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import faults
import smallsets
from messages import text_of
from streamcalib import ImageList, Recipe
from streamcalib.building.clusters.answers import (
    Answer,
    Probe,
    answer,
    are_all_here,
    check_seen,
    check_versions,
    versions_here,
)
from streamcalib.building.clusters.attempts import Lost, Rules, attempt, lost
from streamcalib.building.clusters.sending import Sending
from streamcalib.building.worker import Outcome, Task, Work
from streamcalib.errors import InputError, StoppedError
from streamcalib.stores.npy import NpyStore

COUNT = 6


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", COUNT)


@pytest.fixture
def work(tmp_path) -> Work:
    shape = (3, smallsets.SIDE, smallsets.SIDE)
    store = NpyStore(path=tmp_path / "rows.npy", rows=COUNT, row_shape=shape, dtype="float32")
    store.create()
    return Work(
        build="a",
        recipe=smallsets.RECIPE,
        store=store,
        encodes=True,
        rows_at_once=2,
        window_bytes=10**6,
        bases=(),
        decoder="auto",
        max_pixels=10**6,
        tolerate_damage=False,
        own_process=False,
    )


def task(paths, *rows: int) -> Task:
    return Task(rows, rows, [str(paths[row]) for row in rows])


def rules(folder: Path, **changed) -> Rules:
    made = Rules(folder, "wave", 60.0, False, versions_here("auto"))._replace(**changed)
    made.go.touch()
    return made


class Here:
    """A cluster of this process; a task is made, or lost as it is told."""

    workers = 2

    def __init__(self, *fates: Lost | None) -> None:
        self.fates, self.sent = list(fates), []

    def wave(self, do, lost, tasks, jobs):
        for number, sent in tasks:
            self.sent.append(list(sent.rows))
            fate = self.fates.pop(0) if self.fates else None
            yield do(number, sent) if fate is None else (number, fate)


def sending(cluster, work, folder) -> Sending:
    return Sending(cluster, work, folder, 2, 60.0)


def rows_of(outcomes: list[Outcome]) -> list[int]:
    return [row for outcome in outcomes for row in outcome.made.rows.tolist()]


def test_a_task_leaves_nothing_when_it_is_done(paths, work, tmp_path):
    """Its rows are in the store, and its mark is gone."""
    number, outcome = attempt(work, rules(tmp_path), 7, task(paths, 0, 1, 2))
    assert number == 7
    assert rows_of([outcome]) == [0, 1, 2]
    assert not rules(tmp_path).mark(7).exists()
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy")[:3], smallsets.rows(paths[:3]))


def test_a_task_that_ended_a_worker_is_not_begun_again(paths, work, tmp_path):
    """A process that dies leaves its mark, with the image it was at; the next one only tells."""
    paths[2].write_bytes(faults.carrying(2, "exit"))
    program = (
        "import sys; from pathlib import Path; "
        "sys.path.insert(0, sys.argv[1]); "
        "import test_cluster_sending as t; from streamcalib.building.clusters.attempts import *; "
        "folder = Path(sys.argv[2]); work = t.work.__wrapped__(folder); "
        "paths = sorted((folder / 'images').iterdir()); "
        "attempt(work, t.rules(folder), 7, t.task(paths, 0, 1, 2, 3))"
    )
    tests = Path(__file__).parent
    environment = faults.environment(faults.CARRIERS)
    environment["PYTHONPATH"] += os.pathsep + str(tests.parent)
    command = [sys.executable, "-c", program, str(tests), str(tmp_path)]
    done = subprocess.run(command, env=environment, start_new_session=True, timeout=60)
    assert done.returncode == 7
    number, result = attempt(work, rules(tmp_path), 7, task(paths, 0, 1, 2, 3))
    assert (number, result.had_begun, result.at) == (7, True, 2)
    assert result.worker.startswith("process ")
    assert result.reason == "it ended its worker"


@pytest.mark.parametrize("note", [b"", b"\xff\xfe", b"x\ny\nz", b"12", b"\n" * 5000])
def test_any_mark_is_read(tmp_path, note):
    """What a dying host leaves of it may be anything."""
    mark = tmp_path / "mark"
    mark.write_bytes(note)
    found = lost(mark)
    assert found.had_begun
    assert found.worker
    assert found.reason
    assert not mark.exists()
    assert lost(mark) == Lost(had_begun=False)


def test_nothing_is_begun_once_the_wave_has_ended(paths, work, tmp_path):
    """Nor where the build's folder is gone."""
    ended = rules(tmp_path)
    ended.go.unlink()
    _, outcome = attempt(work, ended, 1, task(paths, 0, 1))
    assert rows_of([outcome]) == []
    gone = Rules(tmp_path / "gone", "wave", 60.0, False, versions_here("auto"))
    with pytest.raises(StoppedError) as caught:
        attempt(work, gone, 1, task(paths, 0, 1))
    assert "gone" in text_of(caught.value)


def test_a_worker_that_came_later_must_be_alike(paths, work, tmp_path):
    """It makes no row, and ends the build, which can go on."""
    other = {**versions_here("auto"), "OpenCV": "4.9"}
    with pytest.raises(StoppedError) as caught:
        attempt(work, rules(tmp_path, versions=other), 1, task(paths, 0, 1))
    assert "OpenCV is 4.9 here" in text_of(caught.value)
    assert not np.load(tmp_path / "rows.npy").any()


def test_pillow_must_be_alike_where_it_makes_pixels(paths, work, tmp_path):
    """And there alone: other recipes go by what makes theirs."""
    plain, with_pillow = versions_here("auto"), versions_here("auto", with_pillow=True)
    assert set(with_pillow) - set(plain) == {"Pillow"}
    by_pillow = replace(work, recipe=Recipe.preset("rtdetr-original", smallsets.SIDE))
    other = {**with_pillow, "Pillow": "Pillow 1.0"}
    with pytest.raises(StoppedError) as caught:
        attempt(by_pillow, rules(tmp_path, versions=other), 1, task(paths, 0, 1))
    assert "Pillow is Pillow 1.0 here" in text_of(caught.value)
    _, outcome = attempt(work, rules(tmp_path, versions=plain), 1, task(paths, 0, 1))
    assert rows_of([outcome]) == [0, 1]


def test_what_was_lost_is_sent_again(paths, work, tmp_path, caplog):
    """An image that a worker was at is tried by itself first, and is good; the log says so."""
    cluster = Here(None, Lost(True, 1, "process 5 on host far"), Lost(had_begun=False))
    tasks = [task(paths, 0, 1), task(paths, 2, 3), task(paths, 4, 5)]
    made = list(sending(cluster, work, tmp_path).outcomes(tasks))
    assert sorted(rows_of(made)) == list(range(COUNT))
    assert cluster.sent == [[0, 1], [2, 3], [4, 5], [3], [2, 3], [4, 5]]
    assert "process 5 on host far died at a task of 2 images" in caplog.messages
    assert "sending 4 images again" in caplog.messages
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), smallsets.rows(paths))


def test_an_image_that_ends_another_worker_is_bad(paths, work, tmp_path):
    """The others of its task are made."""
    cluster = Here(Lost(True, 1), Lost(True, 0, "another", "it took too long"))
    made = list(sending(cluster, work, tmp_path).outcomes([task(paths, 0, 1, 2)]))
    assert rows_of(made) == [0, 2]
    assert [failure for outcome in made for failure in outcome.failures] == [
        (1, "it took too long")
    ]


def test_workers_that_die_for_no_image_stop_the_build(paths, work, tmp_path):
    """After a few in a row without a row: exit code 5."""
    cluster = Here(*[Lost(True)] * 10)
    with pytest.raises(StoppedError) as caught:
        list(sending(cluster, work, tmp_path).outcomes([task(paths, 0, 1)]))
    assert "--jobs" in text_of(caught.value)
    assert len(cluster.sent) == 4


def test_a_build_that_is_told_to_stop_sends_nothing_more(paths, work, tmp_path):
    """Neither what waits nor what was lost."""
    cluster = Here(None, Lost(True, 0))
    sender = sending(cluster, work, tmp_path)
    for _ in sender.outcomes(task(paths, row) for row in range(COUNT)):
        sender.stop()
    assert cluster.sent == [[0]]
    assert not list(tmp_path.glob("go-*"))


@pytest.mark.parametrize("name", ["streamcalib", "Python", "NumPy", "OpenCV", "the JPEG decoder"])
def test_versions_that_differ_are_refused(name):
    """With both, and the worker's address."""
    own = answer("auto")
    other = Answer(own.host, {**own.versions, name: "0.7\x1b"})
    with pytest.raises(InputError) as caught:
        check_versions({"tcp://a:1": own, "tcp://b:2": other}, "auto")
    text = text_of(caught.value)
    assert name in text
    assert own.versions[name] in text
    assert "0.7\\x1b" in text
    assert "tcp://b:2" in text


def test_a_worker_that_cannot_answer_is_refused():
    """Most often it has no streamcalib."""
    with pytest.raises(InputError) as caught:
        check_versions({"tcp://b:2": ModuleNotFoundError("No module named 'streamcalib'")}, "auto")
    assert "tcp://b:2" in text_of(caught.value)
    assert "No module named 'streamcalib'" in text_of(caught.value)


def test_hosts_are_told_apart():
    """By name, and by what tells one start of a machine from another."""
    own = answer("auto")
    assert are_all_here([own, own])
    for host in (("other", own.host[1]), (own.host[0], "other")):
        assert not are_all_here([own, own._replace(host=host)])


def test_what_a_worker_does_not_see_is_refused(paths, tmp_path):
    """The folder, the right to write there, or an image: with its path, before work begins."""
    images = ImageList([str(path) for path in paths])
    probe = Probe.of(tmp_path, images)
    check_seen({"tcp://a:1": probe.unseen()})
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["token"]
    there = probe.token[0]
    cases = [
        replace_token(probe, tmp_path / "elsewhere" / "token", probe.token[1]),
        replace_token(probe, there, "another"),
        probe._replace(images=(str(tmp_path / "no\x1bwhere.jpg"),)),
    ]
    for case, path in zip(cases, ["elsewhere", str(tmp_path), "no\\x1bwhere.jpg"], strict=True):
        with pytest.raises(InputError) as caught:
            check_seen({"tcp://a:1": "", "tcp://b:2": case.unseen()})
        assert "tcp://b:2" in text_of(caught.value)
        assert path in text_of(caught.value)


def replace_token(probe: Probe, path: Path, text: str) -> Probe:
    return probe._replace(token=(path, text))
