"""Faults for the child processes of tests: at chosen places, in the parent and in its workers.

`environment` gives what a child is to be started with. Nothing of this is in the package: the child
finds ``tests/child/sitecustomize.py`` on its path, which changes modules as they are imported.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import smallsets
from sessions import wait_until
from streamcalib.workers.marks import Mark, read_marks

CHILD = Path(__file__).parent / "child"
CARRIERS: dict[str, Any] = {
    "at": "streamcalib.pixels.canvas:CanvasMaker.make",
    "images": True,
    "slow": 0.2,
}
"""The fault that has images of `carrying` do what they carry."""
HASHED_CARRIERS: dict[str, Any] = {
    "at": "streamcalib.choosing.dedupe.hashing:perceptual_hash",
    "images": True,
    "slow": 0.2,
}
"""The same where images are hashed."""


def environment(*faults: dict[str, Any], log: Path | None = None) -> dict[str, str]:
    """Return the environment of a child, which must have a session of its own.

    Every fault has a place, ``at``: ``module:name``; and what is to happen there:

    - ``set``: the constant has this value;
    - ``call``: at that call of the function, ``when`` it begins (``before``), ends (``after``), is
      ``left`` as a context, or has written ``half``; ``does`` says what happens, by default that
      the child's whole process group is killed;
    - ``elsewhere``: of `Owner.here`, that the process is one of another host;
    - ``steps``: the same at that step in what is done to files, ``during`` or ``after`` it.

    ``log`` gets a line for every fault that was met.
    """
    told = {
        "faults": faults,
        "runner": os.getpid(),
        "group": os.getpgrp(),
        "log": None if log is None else str(log),
    }
    path = os.pathsep.join(filter(None, (str(CHILD), os.environ.get("PYTHONPATH"))))
    return {
        **os.environ,
        "PYTHONPATH": path,
        "STREAMCALIB_TEST_FAULTS": json.dumps(told),
    }


def constant(place: str, value: object) -> dict[str, Any]:
    """Return the fault that a constant has another value."""
    return {"at": place, "set": value}


def carrying(number: int, word: str) -> bytes:
    """Return picture ``number`` as a JPEG that carries a word behind its end, and does it.

    ``segv``: its worker reads at address 0; ``exit``: it ends; ``hang``: it sleeps; ``stuck``: it
    does so with the interpreter's lock held; ``slow``: it takes `CARRIERS`' seconds.
    """
    return smallsets.jpeg(number) + f"#{word}".encode()


def begun(folder: Path, carriers: dict[str, Any], *words: object) -> subprocess.Popen[str]:
    """Begin a command in a folder, and a session of its own, whose images do what they carry.

    Its cache is in ``cache``, and its temporary files are in ``temporary``.
    """
    (folder / "temporary").mkdir(exist_ok=True)
    places = {"XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(folder / "temporary")}
    return subprocess.Popen(
        smallsets.command(*words),
        cwd=folder,
        env={**environment(carriers), **places},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_one_of_two(folder: Path, process: subprocess.Popen[str]) -> None:
    """Kill a worker of a command that `begun` began, once two are at images."""

    def busy() -> list[Mark]:
        folders = (folder / "temporary").glob("streamcalib-*")
        marks = [mark for one in folders for mark in read_marks(one)]
        return [mark for mark in marks if mark.source is not None]

    wait_until(lambda: len(busy()) == 2, process)
    os.kill(busy()[0].pid, signal.SIGKILL)
