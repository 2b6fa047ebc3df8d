"""The images that everything is measured with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import joblib
import numpy as np

from streamcalib.images.listing import list_images
from streamcalib.photographs import make_photographs, photograph

if TYPE_CHECKING:
    from benchmarks.settings import Settings

SEED = 42
SMALL_SIDE = 64
_PARTS = 16
_SMALL_QUALITY = 93


@dataclass(frozen=True)
class Corpus:
    """Images, and lists of them.

    Attributes
    ----------
    name
        Part of the names of its lists.
    paths
        Absolute paths, all different.
    scratch
        Folder of the lists.
    """

    name: str
    paths: tuple[str, ...]
    scratch: Path

    def listed(self, rows: int) -> Path:
        """Write a list of the first ``rows`` images, from the start again if there are fewer."""
        folder = self.scratch / "lists"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.name}_{rows}.txt"
        lines = (f"{path}\n" for path in islice(cycle(self.paths), rows))
        file.write_text("".join(lines), encoding="utf-8")
        return file

    def warm(self, rows: int) -> None:
        """Read the first ``rows`` images, so that everybody finds them in the page cache."""
        for path in self.paths[:rows]:
            Path(path).read_bytes()

    def facts(self) -> dict[str, float]:
        """Return the number of images and their mean size in bytes."""
        sizes = [Path(path).stat().st_size for path in self.paths]
        return {"images": len(sizes), "mean_bytes": sum(sizes) / len(sizes)}


def photographs(settings: Settings) -> Corpus:
    """Return the corpus of common photographs: made ones, or those of the folder given.

    Made ones depend on nothing but the seed: a later run of the same ``scratch`` finds them there,
    and makes what it needs beyond them.
    """
    if settings.images is not None:
        found = list_images(settings.images).paths[: settings.photographs]
        return Corpus("given", tuple(found), settings.scratch)
    count = settings.photographs
    folders = [_part_folder(settings, part) for part in range(_PARTS)]
    counts = [len(range(part, count, _PARTS)) for part in range(_PARTS)]
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        joblib.Parallel(n_jobs=settings.jobs)(
            joblib.delayed(_make_part)(folder, made, SEED + part)
            for part, (folder, made) in enumerate(zip(folders, counts, strict=True))
        )
    paths = [folders[n % _PARTS] / f"{n // _PARTS:012d}.jpg" for n in range(count)]
    return Corpus("photographs", tuple(map(str, paths)), settings.scratch)


def small_images(settings: Settings) -> Corpus:
    """Return the corpus of 64x64 JPEGs, cut from the same cloth as the photographs."""
    folder = settings.scratch.absolute() / "small"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:012d}.jpg" for number in range(settings.small_distinct)]
    for number, path in enumerate(paths):
        if not path.exists():
            generator = np.random.default_rng([SEED, number])
            picture = photograph(SMALL_SIDE, SMALL_SIDE, generator)
            quality = [cv2.IMWRITE_JPEG_QUALITY, _SMALL_QUALITY]
            # Not flushed: a thousand times that would take a minute on a slow disk.
            part = path.with_suffix(".part")
            part.write_bytes(cv2.imencode(".jpg", picture, quality)[1].tobytes())
            part.replace(path)
    return Corpus("small", tuple(map(str, paths)), settings.scratch)


def _part_folder(settings: Settings, part: int) -> Path:
    return settings.scratch.absolute() / "photographs" / f"seed{SEED + part}"


def _make_part(folder: Path, count: int, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    make_photographs(folder, count, seed)
