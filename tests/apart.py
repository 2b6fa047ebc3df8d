"""A build on three Dask workers, one of which is killed in the middle.

``python apart.py FOLDER [namespaces]`` prints how it ended, as JSON: its exit code, the worker that
was killed, and what was told. In a network namespace of its own, it gives each worker one, too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import faults
from daskcluster import DaskProcesses, in_namespace, on_loopback
from sessions import wait_until
from threatened import COUNT, start, write


def main(folder: Path, *words: str) -> None:
    write(folder, dict.fromkeys(range(COUNT), "slow"))
    place, host = on_loopback, "127.0.0.1"
    if words:
        subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
        place, host = in_namespace, "0.0.0.0"
    cluster = DaskProcesses(folder / "dask", place, host)
    try:
        cluster.start_workers(1, 2, 3, met=(faults.CARRIERS,))
        process = start(folder, "--backend", "dask", "--scheduler", cluster.address)
        pid = cluster.workers[2].pid
        marks = folder / "calib.npy.build" / "marks"
        wait_until(lambda: f"process {pid} " in all_marks(marks), process)
        os.kill(pid, signal.SIGKILL)
        _, err = process.communicate(timeout=120)
    finally:
        cluster.close()
    print(json.dumps({"code": process.returncode, "killed": pid, "err": err}))


def all_marks(folder: Path) -> str:
    texts = []
    for mark in folder.glob("task-*"):
        try:
            texts.append(mark.read_text())
        except FileNotFoundError:
            continue
    return "".join(texts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
