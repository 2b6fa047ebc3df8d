"""Small sets for tests: little JPEGs, lists of them, and their rows by OpenCV and numpy alone."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from streamcalib.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SIDE = 16
RECIPE = Recipe.yolo11(SIDE)
SIZES = ((24, 32), (32, 24), (16, 16), (40, 17), (9, 31), (3, 50))
"""Heights and widths, in turn; none but the third fits the canvas."""


def picture(number: int) -> np.ndarray:
    """Return picture ``number``, BGR; no two are alike."""
    height, width = SIZES[number % len(SIZES)]
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


def jpeg(number: int) -> bytes:
    """Return picture ``number`` as a JPEG file."""
    return cv2.imencode(".jpg", picture(number))[1].tobytes()


def make_images(folder: Path, count: int, first: int = 0) -> list[Path]:
    """Write ``count`` JPEG files, from picture ``first`` on, and return their paths."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number:06d}.jpg" for number in range(first, first + count)]
    for number, path in enumerate(paths, first):
        path.write_bytes(jpeg(number))
    return paths


def write_list(file: Path, paths: Iterable[Path | str]) -> Path:
    """Write an image list."""
    file.write_text("".join(f"{path}\n" for path in paths))
    return file


def row(path: Path, side: int = SIDE) -> np.ndarray:
    """Return an image's row of the recipe ``yolo11``, made as Ultralytics makes it."""
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    height, width = image.shape[:2]
    ratio = min(side / height, side / width)
    new = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    if new != (width, height):
        image = cv2.resize(image, new, interpolation=cv2.INTER_LINEAR)
    right, below = (side - new[0]) / 2, (side - new[1]) / 2
    edges = (round(below - 0.1), round(below + 0.1), round(right - 0.1), round(right + 0.1))
    grey = (114, 114, 114)
    image = cv2.copyMakeBorder(image, *edges, cv2.BORDER_CONSTANT, value=grey)
    return image[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) / 255.0


def rows(paths: Iterable[Path], side: int = SIDE) -> np.ndarray:
    """Return the rows of images; see `row`."""
    return np.stack([row(path, side) for path in paths])


def contents(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Return everything in a folder: path to time of change, and bytes of files."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns if path.is_file() else 0,
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(folder.rglob("*"))
    }


class Told(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


PROGRAM = "from streamcalib.cli import main; main()"


def command(*arguments: object, program: str = PROGRAM) -> list[str]:
    """Return a real command line of streamcalib; warnings that hint at defects are shown."""
    shown = ["-W", "default::ResourceWarning", "-W", "default::UserWarning"]
    return [sys.executable, *shown, "-c", program, *map(str, arguments)]


# Without these capabilities root meets the permissions that everybody meets.
_DROP_PRIVILEGES = """
import ctypes, os, sys
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24
for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def run_without_privileges(*arguments: object, cwd: Path, program: str = PROGRAM) -> Told:
    """Run the real command so that permissions hold, even if this is root."""
    before = (sys.executable, "-c", _DROP_PRIVILEGES)
    return run(*arguments, cwd=cwd, program=program, before=before)


def run(
    *arguments: object,
    cwd: Path,
    program: str = PROGRAM,
    before: Iterable[str] = (),
    **environment: str,
) -> Told:
    """Run the real command in a process of its own, perhaps through another one ``before``."""
    done = subprocess.run(
        [*before, *command(*arguments, program=program)],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Told(done.returncode, done.stdout, done.stderr)
