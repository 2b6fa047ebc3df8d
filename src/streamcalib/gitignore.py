"""Keeping large sets out of git while their lists stay tracked."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.errors import InputError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

# What git is asked about, and the line that would make it ignored.
_PROBES = {
    "streamcalib-probe.npy": "*.npy",
    "streamcalib-probe.npz": "*.npz",
    "streamcalib-probe.zarr": "*.zarr",
    "streamcalib-probe.npy.build/": "*.build/",
}


class IgnoreChange(NamedTuple):
    """What was done to a folder's ``.gitignore``.

    Attributes
    ----------
    added
        Lines appended.
    still_ignored
        Files that git ignores all the same, because a folder above them is ignored whole.
    """

    added: tuple[str, ...]
    still_ignored: tuple[str, ...]


def in_work_tree(folder: Path) -> bool:
    """Whether a folder lies in a git work tree; no if git is not installed."""
    return shutil.which("git") is not None and _git(folder, "rev-parse", "--git-dir") == 0


def ignore_sets(folder: Path, keep: tuple[str, ...]) -> IgnoreChange:
    """Make a folder's ``.gitignore`` exclude sets and staging files, but not the files ``keep``.

    git is asked first; only missing lines are appended, and no other line is touched.

    Raises
    ------
    InputError
        If the folder is in no git work tree.
    """
    if not in_work_tree(folder):
        raise InputError(
            f"--gitignore: {printable(str(folder))} is in no git work tree, or git is missing."
        )
    wanted = [line for probe, line in _PROBES.items() if not _ignored(folder, probe)]
    wanted += [f"!{name}" for name in keep if _ignored(folder, name)]
    if wanted:
        _append(folder / ".gitignore", wanted)
    return IgnoreChange(tuple(wanted), tuple(name for name in keep if _ignored(folder, name)))


def _append(path: Path, lines: list[str]) -> None:
    present = path.read_bytes() if path.exists() else b""
    gap = b"\n" if present and not present.endswith(b"\n") else b""
    with path.open("ab") as file:
        file.write(gap + "".join(f"{line}\n" for line in lines).encode())


def _ignored(folder: Path, name: str) -> bool:
    return _git(folder, "check-ignore", "--quiet", "--no-index", "--", name) == 0


def _git(folder: Path, *arguments: str) -> int:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603
