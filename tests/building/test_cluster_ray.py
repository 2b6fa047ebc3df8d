"""Builds on Ray's workers, real processes, some of which die."""

from __future__ import annotations

import json
import signal
import socket
import sys
import tempfile
from pathlib import Path

import pytest

import faults
import smallsets
from messages import text_of
from raycluster import RayProcesses
from sessions import kept_rows, wait_until
from streamcalib.errors import InputError, MissingExtraError
from streamcalib.verify import verify
from threatened import COUNT, check_set, name, run, start, write
from unfinished import data_of, small

pytestmark = pytest.mark.ray

LATE = "it took longer than 1 s (--image-timeout)"


@pytest.fixture(scope="module")
def cluster():
    """Three workers."""
    # Ray's sockets need a short path.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        processes = RayProcesses(Path(folder), 3, faults.CARRIERS)
        try:
            yield processes
        finally:
            processes.close()


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


def on(cluster: RayProcesses) -> tuple:
    return ("--backend", "ray", "--address", cluster.address)


def test_ray_builds_the_same_set(cluster, folder):
    """The same bytes and checksums as one job, and nothing left."""
    out = "calib.zarr"
    told = run(folder, *on(cluster), "--out", out)
    assert told.code == 0, told.err
    paths = [folder / name(number) for number in range(COUNT)]
    (folder / "serial").mkdir()
    serial = small(paths, folder / "serial" / out)
    assert data_of(folder / out) == data_of(serial.path)
    assert not (folder / f"{out}.build").exists()
    assert verify(folder / out, sources=True).is_sound


def test_a_worker_that_is_killed_costs_its_tasks(cluster, folder):
    """One of three, in the middle: the build ends by itself, and says what was sent again."""
    write(folder, dict.fromkeys(range(COUNT), "slow"))
    process = start(folder, *on(cluster), "--jobs", 3)
    marks = folder / "calib.npy.build" / "marks"
    wait_until(lambda: len(list(marks.glob("task-*"))) > 1, process)
    pid = next(marks.glob("task-*")).read_text().split("process ")[1].split()[0]
    next(actor for actor in cluster.actors() if actor.pid == int(pid)).kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert f"process {pid} on host {socket.gethostname()} died at a task of" in err
    assert "again" in err
    check_set(folder, list(range(COUNT)))
    assert json.loads((folder / "calib.npy.json").read_text())["failures"] == []


def test_images_that_end_workers_are_bad(cluster, folder):
    """Found, tried alone, and named, however the worker ended."""
    write(folder, {5: "segv", 17: "hang"})
    told = run(folder, *on(cluster), "--image-timeout", 1, "--on-bad", "skip", "--out", "a.zarr")
    assert told.code == 0, told.err
    failed = json.loads((folder / "a.zarr.json").read_text())["failures"]
    reasons = {failure["path"]: failure["reason"] for failure in failed}
    assert reasons == {name(5): "it ended its worker", name(17): LATE}
    assert verify(folder / "a.zarr", sources=True).is_sound


def test_an_interrupted_build_is_gone_on_with(cluster, folder):
    """Rows that are done stay; any backend goes on."""
    write(folder, dict.fromkeys(range(COUNT), "slow"))
    commit = (
        faults.constant("streamcalib.journal:_LEAST_SECONDS", 0),
        faults.constant("streamcalib.journal:_TIMES_ITS_COST", 0),
        faults.constant("streamcalib.building.clusters.on_ray:_TASKS_A_WORKER", 1),
    )
    process = start(folder, *on(cluster), "--jobs", 2, met=commit)
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


def test_a_cluster_that_is_not_there(folder):
    """Exit code 2, with its address and the option."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = run(folder, "--backend", "ray", "--address", address)
    assert told.code == 2
    assert address in told.err
    assert "--address" in told.err
    assert "Traceback" not in told.err
    assert not (folder / "calib.npy.build").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "ray"}, "RAY_ADDRESS"),
        ({"backend": "ray", "address": "local"}, "--address local"),
        ({"backend": "ray", "address": "ray://127.0.0.1:10001"}, "HOST:6379"),
        ({"backend": "ray", "address": "nowhere"}, "HOST:6379"),
        ({"address": "auto"}, "--backend ray"),
        ({"backend": "ray", "scheduler": "tcp://127.0.0.1:1"}, "--backend dask"),
    ],
    ids=str,
)
def test_addresses_that_make_no_sense(tmp_path, monkeypatch, options, said):
    """Refused, with the mend."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    paths = smallsets.make_images(tmp_path / "images", 3)
    with pytest.raises(InputError) as caught:
        small(paths, tmp_path / "calib.npy", **options)
    assert said in text_of(caught.value)


def test_ray_is_an_extra(tmp_path, monkeypatch):
    """Without it, the extra is named."""
    monkeypatch.setitem(sys.modules, "ray", None)
    paths = smallsets.make_images(tmp_path / "images", 3)
    with pytest.raises(MissingExtraError) as caught:
        small(paths, tmp_path / "calib.npy", backend="ray", address="auto")
    assert "pip install 'streamcalib[ray]'" in text_of(caught.value)
