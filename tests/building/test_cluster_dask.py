"""Builds on Dask's workers: separate processes, separate addresses, and some of them die."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import faults
import smallsets
from daskcluster import DaskProcesses, Place
from messages import text_of
from sessions import kept_rows, wait_until
from streamcalib.building.clusters import on_dask
from streamcalib.building.clusters.answers import Probe
from streamcalib.errors import InputError, MissingExtraError, OutputError, StoppedError
from streamcalib.verify import verify
from threatened import COUNT, check_set, name, run, start, write
from unfinished import data_of, facts, small

pytestmark = pytest.mark.dask

CLUSTER = "streamcalib.building.clusters.cluster"
LATE = "it took longer than 1 s (--image-timeout)"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Three workers."""
    processes = DaskProcesses(tmp_path_factory.mktemp("dask"))
    try:
        processes.start_workers(1, 2, 3, met=(faults.CARRIERS,))
        yield processes
    finally:
        processes.close()


@pytest.fixture
def alone(tmp_path):
    """A scheduler that gives a task up when its first worker dies, and has no worker yet."""
    failures = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    processes = DaskProcesses(tmp_path / "dask", **failures)
    yield processes
    processes.close()


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


def on(cluster: DaskProcesses) -> tuple:
    return ("--backend", "dask", "--scheduler", cluster.address)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [("npy", {}), ("npy", {"store": "uint8"}), ("npz", {}), ("zarr", {"compression": "zstd"})],
)
def test_every_backend_builds_the_same_set(cluster, tmp_path, suffix, options):
    """Serial, threads, processes and Dask: the same bytes, checksums and manifest."""
    paths = smallsets.make_images(tmp_path / "images", 40)
    ways = {
        "serial": {"jobs": 1},
        "threading": {"jobs": 2, "backend": "threading"},
        "loky": {"jobs": 2},
        "dask": {"jobs": None, "backend": "dask", "scheduler": cluster.address},
    }
    made = {}
    for way, words in ways.items():
        (tmp_path / way).mkdir()
        made[way] = small(paths, tmp_path / way / f"calib.{suffix}", **words, **options)
    for way, calibration in made.items():
        assert data_of(calibration.path) == data_of(made["serial"].path), way
        assert list(calibration.row_records()) == list(made["serial"].row_records())
        assert facts(calibration) == facts(made["serial"])
        left = [path.name for path in calibration.path.parent.iterdir() if "build" in path.name]
        assert left == []
    assert verify(made["dask"].path, sources=True).is_sound


def test_a_worker_that_is_killed_costs_its_task(folder):
    """One of three, in the middle: the build ends by itself, and says what was sent again.

    Each has a network namespace of its own where that is allowed, and else an address.
    """
    apart = (sys.executable, Path(faults.__file__).with_name("apart.py"), folder)
    private = ("unshare", "--net", "--mount")
    # In a mount namespace names of network namespaces are nobody else's.
    mounted = "mount -t tmpfs none /run && ip netns add probe && ip netns delete probe"
    allowed = (
        shutil.which("unshare")
        and not subprocess.run((*private, "sh", "-c", mounted), capture_output=True).returncode
    )
    if allowed:
        keeps = 'mount -t tmpfs none /run && exec "$@"'
        apart = (*private, "sh", "-c", keeps, "sh", *apart, "namespaces")
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        apart, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["code"] == 0, told["err"]
    assert f"process {told['killed']} on host {socket.gethostname()} died at a task" in told["err"]
    assert "again" in told["err"]
    assert json.loads((folder / "calib.npy.json").read_text())["failures"] == []
    check_set(folder, list(range(COUNT)))


def test_images_that_end_workers_are_bad(cluster, folder):
    """Each ends two workers, not all: the second time it is alone, and named."""
    out = "calib.zarr"
    cluster.start_workers(4, 5, 6, 7, met=(faults.CARRIERS,))
    write(folder, {5: "segv", 17: "hang"})
    try:
        told = run(
            folder,
            *on(cluster),
            "--image-timeout",
            1,
            "--jobs",
            2,
            "--on-bad",
            "skip",
            "--out",
            out,
        )
        left = [n for n, process in cluster.workers.items() if process.poll() is None]
    finally:
        for number in list(cluster.workers):
            if cluster.workers[number].poll() is not None or number > 3:
                cluster.kill_worker(number)
        if gone := {1, 2, 3} - set(cluster.workers):
            cluster.start_workers(*gone, met=(faults.CARRIERS,))
    assert told.code == 0, told.err
    assert len(left) == 3
    failed = json.loads((folder / f"{out}.json").read_text())["failures"]
    reasons = {failure["path"]: failure["reason"] for failure in failed}
    assert reasons == {name(5): "it ended its worker", name(17): LATE}
    assert verify(folder / out, sources=True).is_sound


def test_a_worker_with_a_nanny_comes_back(alone, folder):
    """A cluster of one worker with one thread: not even then is an image made in the parent."""
    alone.start_workers(1, met=(faults.CARRIERS,), nanny=True)
    write(folder, {7: "segv"})
    told = run(folder, *on(alone), "--jobs", 1)
    assert told.code == 3, told.err
    assert f"1 of {COUNT} images is bad:\n  {name(7)}: it ended its worker\n" in told.err
    write(folder, {7: "none"})
    told = run(folder, "--jobs", 1)
    assert told.code == 0
    assert f"{COUNT - 1} of {COUNT} rows kept" in told.err
    check_set(folder, list(range(COUNT)))


def test_an_interrupted_build_is_gone_on_with(cluster, folder):
    """Rows that are done stay; any backend goes on."""
    write(folder, dict.fromkeys(range(COUNT), "slow"))
    commit = (
        faults.constant("streamcalib.journal:_LEAST_SECONDS", 0),
        faults.constant("streamcalib.journal:_TIMES_ITS_COST", 0),
    )
    process = start(folder, *on(cluster), "--jobs", 3, met=(faults.CARRIERS, *commit))
    wait_until(lambda: kept_rows(folder) > 2, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "rows are kept" in err
    assert "Traceback" not in err
    told = run(folder, "--jobs", 1)
    assert told.code == 0
    assert "rows kept" in told.err
    check_set(folder, list(range(COUNT)))


def test_without_workers_the_build_stops(alone, tmp_path, monkeypatch):
    """Once all have been gone for a while: exit code 5, and rows that are done stay."""
    monkeypatch.setattr(on_dask, "_LONELY_SECONDS", 1.0)
    alone.start_workers(1)
    paths = smallsets.make_images(tmp_path / "images", 40)

    def kill(progress):
        if progress.done and alone.workers:
            alone.kill_worker(1)

    out = tmp_path / "calib.npy"
    with pytest.raises(StoppedError) as caught:
        small(paths, out, backend="dask", scheduler=alone.address, jobs=None, progress=kill)
    assert alone.address in text_of(caught.value)
    assert caught.value.exit_code == 5
    np.testing.assert_array_equal(small(paths, out).array(), smallsets.rows(paths))


def test_without_its_scheduler_the_build_stops(alone, tmp_path):
    """At once."""
    alone.start_workers(1)
    paths = smallsets.make_images(tmp_path / "images", 40)

    def kill(progress):
        if progress.done:
            alone.scheduler.kill()

    out = tmp_path / "calib.npy"
    with pytest.raises(StoppedError) as caught:
        small(paths, out, backend="dask", scheduler=alone.address, jobs=None, progress=kill)
    assert "scheduler" in text_of(caught.value)
    np.testing.assert_array_equal(small(paths, out).array(), smallsets.rows(paths))


def test_workers_must_be_alike_and_see_the_same(alone, tmp_path):
    """Another version, another host, or another file system: refused before a row is made."""
    paths = smallsets.make_images(tmp_path / "images", 3)
    (tmp_path / "out").mkdir()

    def refusal(number, *met, out="calib.zarr", kind=InputError):
        alone.start_workers(number, met=met)
        with pytest.raises(kind) as caught:
            small(paths, tmp_path / "out" / out, backend="dask", scheduler=alone.address, jobs=None)
        alone.kill_worker(number)
        assert list((tmp_path / "out").iterdir()) == []
        return text_of(caught.value)

    text = refusal(1, faults.constant("streamcalib.version:__version__", "0.0.7"))
    assert "streamcalib is 0.1.0 here, and 0.0.7 on the worker tcp://127.0.0.1:" in text
    text = refusal(2, faults.constant("cv2:__version__", "4.9"))
    assert "OpenCV is " in text
    assert "and 4.9 on the worker tcp://127.0.0.2:" in text
    elsewhere = {"at": "streamcalib.owner:Owner.here", "elsewhere": True}
    text = refusal(3, elsewhere, out="calib.npy", kind=OutputError)
    assert ".zarr" in text


def test_a_worker_that_does_not_see_the_images_is_refused(cluster, tmp_path, monkeypatch):
    """With its address and the path; nothing is left."""
    paths = smallsets.make_images(tmp_path / "images", 3)
    (tmp_path / "out").mkdir()
    probe_of = Probe.of

    def another(folder, images):
        return probe_of(folder, images)._replace(images=(str(tmp_path / "images" / "gone.jpg"),))

    monkeypatch.setattr(Probe, "of", another)
    with pytest.raises(InputError) as caught:
        small(
            paths,
            tmp_path / "out" / "calib.npy",
            backend="dask",
            scheduler=cluster.address,
            jobs=None,
        )
    assert "the worker tcp://127.0.0." in text_of(caught.value)
    assert "gone.jpg" in text_of(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def _hidden(folder: Path):
    """Return where a worker runs that finds nothing of this machine's in a folder."""
    folder.mkdir(exist_ok=True)
    hide = f'mount -t tmpfs tmpfs "{folder}" && exec "$@"'
    before = ("unshare", "--mount", "sh", "-c", hide, "sh")
    return lambda number: Place(before, f"127.0.0.{number}", "127.0.0.1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hides a folder from a process")
def test_workers_share_nothing_but_urls(bucket, tmp_path, monkeypatch, caplog):
    """Images and output behind them: no folder is seen by all, and one worker is killed."""
    state = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    paths = smallsets.make_images(tmp_path / "images", 120)
    top = bucket.put_folder(tmp_path / "images")
    images = [f"{top}/{path.name}" for path in paths]
    processes = DaskProcesses(tmp_path / "dask", _hidden(state))
    killed: list[int] = []

    def kill(state) -> None:
        if state.done and not killed:
            killed.append(processes.workers[2].pid)
            processes.kill_worker(2)

    try:
        processes.start_workers(1, 2, 3)
        made = small(
            images,
            f"{bucket.url}/calib.zarr",
            backend="dask",
            scheduler=processes.address,
            jobs=None,
            progress=kill,
        )
    finally:
        processes.close()
    assert killed
    assert any("do not see" in message for message in caplog.messages)
    np.testing.assert_array_equal(made.rows(0, 120), smallsets.rows(paths))
    assert verify(made).is_sound


def test_a_cluster_that_is_not_there(tmp_path, folder):
    """Exit code 2, with its address and the option."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        soon = faults.constant(f"{CLUSTER}:CONNECT_SECONDS", 0.5)
        told = run(folder, "--backend", "dask", "--scheduler", address, met=(soon,))
    assert told.code == 2
    assert address in told.err
    assert "--scheduler" in told.err
    assert "Traceback" not in told.err
    assert not (folder / "calib.npy.build").exists()


def test_a_scheduler_without_workers(alone, folder, monkeypatch):
    """Exit code 2, and how to start some; the address may come from the environment."""
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", alone.address)
    soon = faults.constant(f"{CLUSTER}:PATIENCE_SECONDS", 0.5)
    told = run(folder, "--backend", "dask", met=(soon,))
    assert told.code == 2
    assert f"dask worker {alone.address}" in told.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "dask"}, "DASK_SCHEDULER_ADDRESS"),
        ({"backend": "dask", "scheduler": "no:such:thing"}, "no:such:thing"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "--backend dask"),
        ({"backend": "dask", "address": "auto"}, "--backend ray"),
    ],
    ids=str,
)
def test_addresses_that_make_no_sense(tmp_path, monkeypatch, options, said):
    """Refused, with the mend."""
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    paths = smallsets.make_images(tmp_path / "images", 3)
    with pytest.raises(InputError) as caught:
        small(paths, tmp_path / "calib.npy", **options)
    assert said in text_of(caught.value)


def test_dask_is_an_extra(tmp_path, monkeypatch):
    """Without it, the extra is named."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    paths = smallsets.make_images(tmp_path / "images", 3)
    with pytest.raises(MissingExtraError) as caught:
        small(paths, tmp_path / "calib.npy", backend="dask", scheduler="tcp://127.0.0.1:1")
    assert "pip install 'streamcalib[dask]'" in text_of(caught.value)
