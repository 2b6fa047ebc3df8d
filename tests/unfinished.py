"""Builds that end before their time, and what must come of them in the end."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import smallsets
from streamcalib import CalibrationSet, build
from streamcalib.building import pace
from streamcalib.journal import Journal
from streamcalib.rowfacts import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from streamcalib.progress import Progress


class EnoughError(Exception):
    """What ends a build."""


def small(images: Any, out: Path, **options: Any) -> CalibrationSet:
    """Build a set of 16x16 in this process."""
    options.setdefault("jobs", 1)
    options.setdefault("recipe", smallsets.RECIPE)
    return build(images, out, **options)


def begin(images: Any, out: Path, rows: int, stage: str = "build", **options: Any) -> None:
    """Build until ``rows`` rows of a stage are done, one a task; they are kept."""

    def progress(state: Progress) -> None:
        if state.stage == stage and state.done >= max(rows, state.kept + 1):
            raise EnoughError

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"_FIRST_ROWS": 1, "_TASK_SECONDS": 0, "_LEAST_SECONDS": 0}.items():
            patch.setattr(pace, name, value)
        with pytest.raises(EnoughError):
            small(images, out, progress=progress, **options)
    assert not out.with_name(out.name + ".build").joinpath("owner.json").exists()


def journal_of(out: Path) -> Path:
    """Return the path of the journal of an unfinished build."""
    return out.with_name(out.name + ".build") / "journal.sqlite"


def kept(journal: Path, count: int = 1000) -> list[int]:
    """Return the rows that a journal says are done."""
    columns = np.zeros(count, COLUMNS)
    opened = Journal.open(journal)
    assert opened is not None
    with closing(opened):
        opened.load(columns)
    return np.flatnonzero(columns["done"]).tolist()


def facts(calibration: CalibrationSet) -> dict[str, Any]:
    """Return what a manifest says apart from when, where and from which list it was made."""
    manifest = json.loads(calibration.manifest.to_json())
    for name in ("created", "commands"):
        del manifest[name]
    return manifest


def data_of(path: Path) -> dict[str, bytes]:
    """Return the bytes of a set's data: a file's, or those of all shards of a ``.zarr``."""
    files = path.glob("c.*") if path.is_dir() else [path]
    return {file.name: file.read_bytes() for file in files}


def check_undisturbed(
    finished: CalibrationSet, images: Any, folder: Path, /, **options: Any
) -> None:
    """Make sure that a set is, to the last bit, what one undisturbed build makes of ``images``."""
    plain = small(images, folder / "undisturbed" / finished.path.name, **options)
    assert data_of(finished.path) == data_of(plain.path)
    assert facts(finished) == facts(plain)
    assert list(finished.row_records()) == list(plain.row_records())
    left = [path.name for path in finished.path.parent.iterdir() if ".build" in path.name]
    assert left == []


def spoil(paths: Iterable[Path]) -> dict[Path, bytes]:
    """Make images bad; return what was in them."""
    before = {path: path.read_bytes() for path in paths}
    for path in before:
        path.write_bytes(b"")
    return before


def restore(before: dict[Path, bytes]) -> None:
    """Mend images."""
    for path, content in before.items():
        path.write_bytes(content)
