"""Keeping large sets out of git while their lists stay tracked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.errors import InputError, OutputError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

# What git is asked about, and the line that would make it ignored. Folders are asked about by a
# file in them: of a name that ends in a slash, git believes that a blank line with CRLF ignores it.
_PROBES = {
    "streamcalib-probe.npy": "*.npy",
    "streamcalib-probe.npz": "*.npz",
    "streamcalib-probe.zarr/part": "*.zarr",
    "streamcalib-probe.npy.build/part": "*.build/",
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
    """Whether a folder, there or yet to be made, lies in a git work tree; no without git."""
    if shutil.which("git") is None:
        return False
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.isdir(place))  # noqa: PTH112
    return _git(there, "rev-parse", "--is-inside-work-tree").stdout.strip() == b"true"


def ignore_sets(folder: Path, keep: tuple[str, ...]) -> IgnoreChange:
    """Make a folder's ``.gitignore`` exclude sets and staging files, but not the files ``keep``.

    git is asked first; only missing lines are appended, and no other line is touched.

    Raises
    ------
    InputError
        If the folder is in no git work tree.
    OutputError
        If the ``.gitignore`` is no file, or cannot be written.
    """
    if not in_work_tree(folder):
        raise InputError(
            f"--gitignore: {printable(str(folder))} is in no git work tree, or git is missing."
        )
    file = folder / ".gitignore"
    if file.exists() and not (file.is_file() or file.is_dir()):
        # git itself would wait for a pipe's writer.
        raise OutputError(f"{printable(str(file))} is not a regular file: move it away.")
    wanted = [line for probe, line in _PROBES.items() if not _ignored(folder, probe)]
    if not _ignored(folder, f"../{folder.resolve().name}"):
        wanted += [f"!{_literal(name)}" for name in keep if _ignored(folder, name)]
    if wanted:
        _append(file, wanted)
    return IgnoreChange(tuple(wanted), tuple(name for name in keep if _ignored(folder, name)))


def _append(path: Path, lines: list[str]) -> None:
    try:
        present = path.read_bytes() if path.exists() else b""
        gap = b"\n" if present and not present.endswith(b"\n") else b""
        with path.open("ab") as file:
            file.write(gap + os.fsencode("".join(f"{line}\n" for line in lines)))
    except OSError as error:
        raise OutputError(f"{printable(str(path))} cannot be written: {error.strerror}.") from error


def _literal(name: str) -> str:
    """Return the pattern that means one file's name; no pattern holds a line break."""
    return re.sub(r"[\\*?\[]", r"\\\g<0>", name).replace("\n", "?").replace("\r", "?")


def _ignored(folder: Path, name: str) -> bool:
    return _git(folder, "check-ignore", "--quiet", "--no-index", "--", name).returncode == 0


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, check=False)  # noqa: S603
