"""The plan of a build of a million rows: ``streamcalib build --dry-run`` as a whole process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.children import run_child
from benchmarks.corpus import small_images
from benchmarks.outputs import output_folder
from benchmarks.rounds import Contestant, Figure, Outcome, Turn, absence, alternate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.settings import Settings

_PLAN = "plan"
_PROGRAM = "from streamcalib.cli import main; main()"
# Small rows, so that the plan of a million of them fits a common disk.
_ROW = ("--imgsz", "32", "--dtype", "uint8")


def run(settings: Settings, tell: Callable[[str], None]) -> Outcome:
    """Plan the same list in every round."""
    contestant = Contestant(_PLAN, lambda: _measure(settings))
    rounds = alternate([contestant], settings.rounds, tell)
    reason = absence(rounds, _PLAN)
    turns = [] if reason else [current[_PLAN] for current in rounds]
    named = f"plan of {settings.planned_rows:,} rows"
    return Outcome(
        [
            Figure(
                name=f"{named}, time",
                values=tuple(turn["seconds"] for turn in turns),
                bar=3,
                aim=1,
                unit="s",
                absent=reason,
            ),
            Figure(
                name=f"{named}, memory",
                values=tuple(turn["peak_bytes"] / 1e6 for turn in turns),
                bar=400,
                aim=200,
                unit="MB",
                absent=reason,
            ),
        ],
        rounds,
    )


def _measure(settings: Settings) -> Turn:
    root = settings.scratch.absolute() / "small"
    small_images(settings)
    with output_folder(settings) as folder:
        list_file = _write_list(folder / "list.txt", settings.planned_rows)
        command = [sys.executable, "-c", _PROGRAM, "build", "--list", str(list_file)]
        command += ["--root", str(root), "--out", str(folder / "calib.npy"), "--dry-run", *_ROW]
        return run_child("cost", command=command)


def _write_list(file: Path, rows: int) -> Path:
    """Write a list of different names, of which the first are there."""
    with file.open("w", encoding="ascii") as out:
        out.writelines(f"{number:012d}.jpg\n" for number in range(rows))
    return file
