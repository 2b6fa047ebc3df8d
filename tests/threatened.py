"""Builds of images of which some do harm: see `faults.carrying`."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

import faults
import smallsets
from streamcalib import CalibrationSet
from streamcalib.images.listfile import ImageList

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 24
HERE = {"one job": ("--jobs", 1), "threading": ("--jobs", 2, "--backend", "threading")}
"""Manners of work in which an image that ends its process ends the build."""


def write(folder: Path, carried: dict[int, str] | None = None, spares: int = 0) -> None:
    """Write images and a list of them; some carry something, and the last may be spares."""
    if not (folder / "images").exists():
        smallsets.make_images(folder / "images", COUNT)
    for number, word in (carried or {}).items():
        (folder / name(number)).write_bytes(faults.carrying(number, word))
    names = [name(number) for number in range(COUNT)]
    path = smallsets.write_list(folder / "list.txt", names[: COUNT - spares])
    if spares:
        listed = ImageList.read(path, root=folder)
        replace(listed, spares=tuple(names[COUNT - spares :])).write(path)


def name(number: int) -> str:
    return f"images/{number:06d}.jpg"


def start(folder: Path, *words: object, met: tuple = (faults.CARRIERS,)) -> subprocess.Popen[str]:
    build = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", smallsets.SIDE)
    return subprocess.Popen(
        smallsets.command(*build, *words),
        cwd=folder,
        env=faults.environment(*met),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(folder: Path, *words: object, met: tuple = (faults.CARRIERS,)) -> smallsets.Told:
    process = start(folder, *words, met=met)
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"it does not end: {process.communicate()}")
    return smallsets.Told(process.returncode, out, err)


def check_set(folder: Path, numbers: list[int]) -> None:
    """Make sure that the set holds these pictures, in this order, bit for bit."""
    made = CalibrationSet.open(folder / "calib.npy").array()
    np.testing.assert_array_equal(made, smallsets.rows(folder / name(n) for n in numbers))
    assert not (folder / "calib.npy.build").exists()
