"""The runnable examples in pages of documentation, and the folder that they are run in.

A fence with ``<!-- run -->`` on the line before is run; ``<!-- run: exit 2 -->`` says with which
code it ends. A fence with ``<!-- prints -->`` before it follows such a one and holds lines that it
prints, in this order; in them, ``...`` stands for anything. Lines of Bash in a comment that begins
with ``<!-- before`` are run as well, and no reader sees them. Other fences are not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

import labelling
import yolo_like
from streamcalib.photographs import photograph

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHOTOGRAPHS = 112

_FENCE = re.compile(
    r"^<!-- (run|prints)(?:: exit (\d+))? -->\n```(\w*)\n(.*?)^```$"
    r"|^<!-- before\n(.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
_LANGUAGES = ("bash", "python")


class Example(NamedTuple):
    """One runnable fence: where it stands, its code, how it ends, and what it prints."""

    line: int
    language: str
    code: str
    exit_code: int
    prints: tuple[str, ...]


def examples(page: str) -> list[Example]:
    """Return the runnable examples of a page's Markdown, in order."""
    found: list[Example] = []
    for match in _FENCE.finditer(page):
        line = page.count("\n", 0, match.start()) + 2
        kind, code, language, text, hidden = match.groups()
        if hidden is not None:
            found.append(Example(line, "bash", hidden, 0, ()))
            continue
        if kind == "prints":
            assert found, f"line {line}: nothing before it could have printed this"
            found[-1] = found[-1]._replace(prints=tuple(text.splitlines()))
            continue
        assert language in _LANGUAGES, f"line {line}: {language!r} is not run"
        found.append(Example(line, language, text, int(code or 0), ()))
    return found


def stray_marks(page: str) -> list[int]:
    """Return the lines of marks that stand before no fence, and so do nothing."""
    good = {page.count("\n", 0, match.start()) + 1 for match in _FENCE.finditer(page)}
    marks = re.finditer(r"^ *<!-- *(?:run|prints|before).*$", page, re.MULTILINE)
    return sorted({page.count("\n", 0, mark.start()) + 1 for mark in marks} - good)


def furnish(folder: Path) -> None:
    """Make what a reader has: ``train2017``, COCO's annotations, a model, a broken file."""
    photos = folder / "train2017"
    photos.mkdir()
    names = [f"{number:012d}.jpg" for number in range(PHOTOGRAPHS)]
    for number, name in enumerate(names):
        size = (120, 160) if number % 3 else (160, 120)
        cv2.imwrite(str(photos / name), photograph(*size, np.random.default_rng(number)))
    (folder / "coco/annotations").mkdir(parents=True)
    (folder / "coco/train2017").symlink_to("../train2017")
    with zipfile.ZipFile(folder / "train2017.zip", "w") as archive:
        for name in names:
            archive.write(photos / name, f"train2017/{name}")
    classes = labelling.zipf_names(PHOTOGRAPHS, 5, 3, 1.0)
    text = labelling.coco_json(names, classes)
    (folder / "coco/annotations/instances_train2017.json").write_text(text)
    yolo_like.write_yolo_like(folder / "yolo11n.onnx", 640)
    (folder / "broken.jpg").write_bytes((photos / names[0]).read_bytes()[:2000])


def tools(folder: Path) -> Path:
    """Make a folder with the commands that examples call, by this interpreter."""
    folder.mkdir()
    call = f'exec "{sys.executable}" -c "from streamcalib.cli import main; main()" "$@"'
    for name, body in (("streamcalib", call), ("python", f'exec "{sys.executable}" "$@"')):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return folder


def run(example: Example, folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run an example in a folder, with ``path`` first among the places of commands."""
    command = {
        "bash": ["bash", "-euo", "pipefail", "-c", example.code],
        "python": [sys.executable, "-c", example.code],
    }[example.language]
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def missing_lines(example: Example, printed: str) -> Iterator[str]:
    """Yield the lines that were to be printed and were not, in this order."""
    left = iter(printed.splitlines())
    for line in example.prints:
        pattern = ".*".join(map(re.escape, line.strip().split("...")))
        if not any(re.fullmatch(pattern, other.strip()) for other in left):
            yield line
