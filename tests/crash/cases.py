"""The builds that are killed: in each manner of work, into each kind of file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import smallsets
from crash import points
from streamcalib import CalibrationSet
from streamcalib.images.listfile import ImageList

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1100
"""So many that the manifest keeps their records in a file of their own."""

_MADE_AT = re.compile(rb"\d{4}-\d\d-\d\dT[\d:]{8}\+00:00")
_BAD = (5, 6, 400, 1000, 1098)
_EARLIER = 500
_JOBS = {
    "one job": ("--jobs", 1),
    "loky": ("--jobs", 2),
    "threading": ("--jobs", 2, "--backend", "threading"),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One command that is killed.

    Attributes
    ----------
    name
        What is said of it.
    words
        The command, in a folder that `prepare` has made.
    out
        What it makes.
    chosen
        Where it may be killed.
    """

    name: str
    words: tuple[object, ...]
    out: str
    chosen: tuple[points.Point, ...]

    def prepare(self, shared: Path, folder: Path) -> None:
        """Make the folder that the command runs in, from what `make_shared` made."""
        folder.mkdir()
        for path in shared.iterdir():
            if path.is_dir():
                (folder / path.name).symlink_to(path)
            elif not path.name.startswith("calib") or self.name.startswith(("over", "extend")):
                shutil.copy2(path, folder / path.name)


def _build(name: str, out: str, chosen: tuple[points.Point, ...], *words: object) -> Case:
    manner = _JOBS[name.split(", ")[1]]
    listed = {"skip": "bad.txt", "replace": "bad.txt"}.get(str(words[-1]) if words else "")
    command = ("build", "--list", listed or "list.txt", "--out", out, "--imgsz", smallsets.SIDE)
    always = points.BEGINNING + points.GOING_ON + points.ROWS + points.COMMITS + points.PUBLISHING
    return Case(name=name, words=(*command, *manner, *words), out=out, chosen=always + chosen)


def _finalize(name: str, out: str, chosen: tuple[points.Point, ...]) -> Case:
    return Case(
        name=name,
        words=("finalize", "done.npy", "--out", out, "--jobs", 2),
        out=out,
        chosen=chosen + points.PUBLISHING,
    )


CASES = (
    _build("npy, loky", "calib.npy", ()),
    _build("npy, threading", "calib.npy", ()),
    _build("npy, one job", "calib.npy", ()),
    _build("uint8, loky", "calib.npy", (), "--store", "uint8"),
    _build("uint8, one job", "calib.npy", (), "--store", "uint8"),
    _build("npz, loky", "calib.npz", points.NPZ),
    _build("npz, threading", "calib.npz", points.NPZ),
    _build("zarr, loky", "calib.zarr", points.SHARDS),
    _build("zarr, threading", "calib.zarr", points.SHARDS, "--compression", "zstd"),
    _build("skip zarr, one job", "calib.zarr", points.SHARDS, "--on-bad", "skip"),
    _build("skip, threading", "calib.npy", points.HOLES, "--on-bad", "skip"),
    _build("replace, loky", "calib.npy", points.SPARES, "--on-bad", "replace"),
    _build("state, one job", "calib.npy", (), "--state", "state"),
    _build("overwrite, one job", "calib.npy", (), "--overwrite"),
    _build("extend, threading", "calib.npy", points.EXTENDING, "--extend"),
    _finalize("finalize zarr", "final.zarr", points.SHARDS + points.COPYING),
    _finalize("finalize npz", "final.npz", points.NPZ),
    _finalize("finalize npy", "final.npy", points.COPYING),
)


def make_shared(folder: Path) -> None:
    """Make what all cases have in common: images, lists, and finished sets."""
    folder.mkdir(parents=True)
    images = folder / "images"
    smallsets.make_images(images, ROWS)
    names = [f"images/{number:06d}.jpg" for number in range(ROWS)]
    smallsets.write_list(folder / "list.txt", names)
    bad = [f"images/bad{number}.jpg" if number in _BAD else names[number] for number in range(ROWS)]
    for number in _BAD:
        (images / f"bad{number}.jpg").write_bytes(b"no JPEG")
    listed = ImageList.read(smallsets.write_list(folder / "bad.txt", bad), root=folder)
    spares = tuple(names[: len(_BAD) + 2])
    dataclasses.replace(listed, spares=spares).write(folder / "bad.txt")
    smallsets.write_list(folder / "earlier.txt", names[:_EARLIER])
    for listed_as, out in (("list.txt", "done.npy"), ("earlier.txt", "calib.npy")):
        words = ("build", "--list", listed_as, "--out", out, "--imgsz", smallsets.SIDE)
        done = smallsets.run(*words, "--jobs", 1, cwd=folder)
        assert done.code == 0, done


class Made(dict[str, str]):
    """What a folder holds of a set: names to SHA-256, without the time when it was made."""

    @classmethod
    def of(cls, folder: Path) -> Made:
        """Look at a folder."""
        made = cls()
        for path in sorted(folder.iterdir()):
            if path.is_symlink():
                continue
            if path.suffix == ".zarr":
                sums = {i.name: _sha256(i, folder) for i in sorted(path.iterdir())}
                made[path.name] = json.dumps(sums)
                continue
            if path.is_dir():
                made[path.name] = str(sorted(inner.name for inner in path.iterdir()))
                continue
            made[path.name] = _sha256(path, folder)
        return made


def _sha256(path: Path, folder: Path) -> str:
    data = path.read_bytes()
    if path.suffix in (".json", ".md"):
        data = _MADE_AT.sub(b"", data)
    return hashlib.sha256(data.replace(os.fsencode(folder), b"")).hexdigest()


def whole(path: Path) -> bool:
    """Whether a set opens, and every row of it is what its checksum says."""
    calibration = CalibrationSet.open(path)
    read = 0
    for batch in calibration.checked_values().batches(256, reuse=True):
        read += len(batch)
    return read == len(calibration)


def start(case: Case, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a case's command in a session of its own."""
    return subprocess.Popen(
        smallsets.command(*case.words),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
