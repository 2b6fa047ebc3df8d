"""Sets with known pictures, for tests of the report."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from streamcalib import CalibrationSet, Recipe, build

SIDE = 32


def plain(height: int, width: int, bgr: tuple[int, int, int]) -> np.ndarray:
    """Return a picture of one colour."""
    return np.full((height, width, 3), bgr, np.uint8)


def soft(number: int, height: int = 24, width: int = 32) -> np.ndarray:
    """Return a picture that changes softly, BGR; no two are alike."""
    coarse = np.random.default_rng(number).integers(30, 220, (4, 4, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write(folder: Path, pictures: dict[str, np.ndarray]) -> list[Path]:
    """Write pictures without loss, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, picture in pictures.items():
        path = folder / name
        path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        paths.append(path)
    return paths


def built(folder: Path, pictures: dict[str, np.ndarray], name="s.npy", **options) -> CalibrationSet:
    """Build a set of pictures, one worker, canvases of 32 pixels unless a recipe is given."""
    paths = write(folder / "images", pictures)
    recipe = options.pop("recipe", Recipe.yolo11(SIDE))
    return build(paths, folder / name, recipe=recipe, jobs=1, **options)


def damage(calibration: CalibrationSet, row: int) -> None:
    """Change one byte of a row in its file."""
    stored = calibration.values().stored.read(0, len(calibration))
    path, place = Path(calibration.path), int(stored.offset) + row * stored[0].nbytes
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


class Parsed(HTMLParser):
    """A page's elements, and its text by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


def text_in(page: str) -> str:
    """Return a page's text with all white space as one blank."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
