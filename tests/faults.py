"""Faults for the child processes of tests: at chosen places, in the parent and in its workers.

`environment` gives what a child is to be started with. Nothing of this is in the package: the child
finds ``tests/child/sitecustomize.py`` on its path, which changes modules as they are imported.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import smallsets

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
