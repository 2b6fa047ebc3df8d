"""The plain script that streamcalib replaces: a list, `numpy.stack`, `numpy.save`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from benchmarks.children import run_child
from benchmarks.listed import read_list
from benchmarks.outputs import output_folder
from benchmarks.rounds import Contestant, Turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.corpus import Corpus
    from benchmarks.settings import Settings

_GREY = (114, 114, 114)
_SHARE_OF_MEMORY = 2


def contestant(name: str, settings: Settings, corpus: Corpus, rows: int) -> Contestant:
    """Return the plain script over ``rows`` images, in float32."""
    file = corpus.listed(rows)

    def measure() -> Turn:
        corpus.warm(rows)
        with output_folder(settings) as folder:
            return run_child(
                "plain", list_file=file, out=folder / "calib.npy", imgsz=settings.imgsz
            )

    return Contestant(name, measure)


def rows_in_memory(settings: Settings, tell: Callable[[str], None]) -> int:
    """Return how many rows the plain script may hold: half of the memory that is free.

    It holds every row twice while it stacks them.
    """
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    free_bytes = int(fields["MemAvailable"].split()[0]) * 1024
    fitting = free_bytes // _SHARE_OF_MEMORY // (2 * settings.row_bytes("float32"))
    if fitting < settings.plain_images:
        tell(f"memory holds {fitting} of {settings.plain_images} rows of the plain script")
    return max(1, min(settings.plain_images, fitting))


def work(list_file: str, out: str, imgsz: int) -> Turn:
    """Run the script; timed until the file is flushed to disk, and until it is saved."""
    paths = read_list(list_file)
    start = time.perf_counter()
    rows = [plain_row(path, imgsz) for path in paths]
    np.save(out, np.stack(rows))
    saved_seconds = time.perf_counter() - start
    flush(out)
    seconds = time.perf_counter() - start
    return {
        "rate": len(paths) / seconds,
        "seconds": seconds,
        "saved_seconds": saved_seconds,
        "rows": len(paths),
    }


def plain_row(path: str, imgsz: int) -> NDArray[np.float32]:
    """Return an image's row (3, imgsz, imgsz), RGB, 0 to 1, as such scripts make it."""
    row: NDArray[np.float32] = plain_canvas(path, imgsz).astype(np.float32) / 255.0
    return row


def plain_canvas(path: str, imgsz: int) -> NDArray[np.uint8]:
    """Return an image letterboxed with 114: (3, imgsz, imgsz), RGB, 0 to 255, contiguous."""
    image: NDArray[Any] | None = cv2.imread(path)
    if image is None:
        raise ValueError(f"{Path(path).name} cannot be decoded")
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    ratio = min(imgsz / height, imgsz / width)
    new_width, new_height = max(1, round(width * ratio)), max(1, round(height * ratio))
    if (new_width, new_height) != (width, height):
        image = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    across, down = (imgsz - new_width) / 2, (imgsz - new_height) / 2
    top, bottom = round(down - 0.1), round(down + 0.1)
    left, right = round(across - 0.1), round(across + 0.1)
    image = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=_GREY)
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def flush(path: str | Path) -> None:
    """Flush a file to disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
