"""What the examples of pages find: a reader's files and commands, packages, a bucket, a cluster."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

import labelling
import yolo_like
from consumersets import installed
from streamcalib.photographs import photograph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

PHOTOGRAPHS = 112
PACKAGES = {
    "aimet": ("aimet_onnx",),
    "dask": ("distributed",),
    "modelopt": ("modelopt",),
    "neural_compressor": ("onnx_neural_compressor",),
    "onnxruntime": ("onnxruntime",),
    "openvino": ("nncf", "openvino"),
    "polygraphy": ("polygraphy", "onnxruntime"),
    "quark": ("quark",),
    "ray": ("ray",),
    "s3": ("moto", "obstore"),
    "tflite": ("tensorflow", "ai_edge_quantizer"),
    "torch": ("torch",),
}
"""What an example can need, and the packages that it is made of."""

_UNMARKED = ("s3",)


def is_here(need: str) -> bool:
    """Whether all packages of a need are installed."""
    return installed(*PACKAGES[need])


def marks(needs: Iterable[str]) -> list[pytest.MarkDecorator]:
    """Return the markers of tests with these needs."""
    return [getattr(pytest.mark, need) for need in sorted(needs) if need not in _UNMARKED]


@contextmanager
def surroundings(needs: Iterable[str], folder: Path) -> Iterator[dict[str, str]]:
    """Start what needs are for while the block runs, and give the environment that leads there."""
    with ExitStack() as stack:
        found: dict[str, str] = {}
        for need in sorted(needs):
            if need in _STARTED:
                found |= stack.enter_context(_STARTED[need](folder))
        yield found


@contextmanager
def _bucket(folder: Path) -> Iterator[dict[str, str]]:
    import buckets

    with buckets.server() as port:
        buckets.Bucket("my-bucket", port)
        yield buckets.settings(port)


@contextmanager
def _dask(folder: Path) -> Iterator[dict[str, str]]:
    from daskcluster import DaskProcesses

    processes = DaskProcesses(folder / "dask")
    try:
        processes.start_workers(1, 2)
        yield {"SCHEDULER": processes.address}
    finally:
        processes.close()


@contextmanager
def _ray(folder: Path) -> Iterator[dict[str, str]]:
    from raycluster import RayProcesses

    # Ray's sockets need a short path.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as short:
        processes = RayProcesses(Path(short), 2)
        try:
            yield {"HEAD": processes.address}
        finally:
            processes.close()


@contextmanager
def _compiled(folder: Path) -> Iterator[dict[str, str]]:
    # The tests' own cache is empty, and Quark would compile its operators once more, for minutes.
    yield {"XDG_CACHE_HOME": str(Path("~/.cache").expanduser())}


_STARTED: dict[str, Callable[[Path], AbstractContextManager[dict[str, str]]]] = {
    "dask": _dask,
    "quark": _compiled,
    "ray": _ray,
    "s3": _bucket,
}


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


def tools(folder: Path) -> dict[str, str]:
    """Make a folder with the commands that examples call; return the environment to find them."""
    folder.mkdir()
    python = f'exec "{sys.executable}"'
    for name, body in (
        ("streamcalib", f'{python} -c "from streamcalib.cli import main; main()" "$@"'),
        ("python", f'{python} "$@"'),
        ("polygraphy", f'{python} -c "from polygraphy.tools import main; main()" "$@"'),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
