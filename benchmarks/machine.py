"""What a run was measured on, without the names of hosts, folders or people."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.settings import default_jobs

_PACKAGES = (
    "streamcalib",
    "numpy",
    "opencv-python-headless",
    "simplejpeg",
    "PyTurboJPEG",
    "joblib",
    "torch",
    "nvidia-dali-cuda120",
    "litdata",
)


def machine(scratch: Path) -> dict[str, Any]:
    """Return processor, memory, kernel, versions, and the file system of ``scratch``."""
    return {
        "cpu": cpu_model(),
        "cores": default_jobs(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release()}",
        "filesystem": filesystem(scratch),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def cpu_model() -> str:
    """Return the processor's name."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def filesystem(folder: Path) -> str:
    """Return the type of the file system that a folder lies on, as ``ext4``."""
    place = folder.resolve()
    found = ("", "unknown")
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mount, _, source = line.partition(" - ")
        top = mount.split()[4]
        if place.is_relative_to(top) and len(top) >= len(found[0]):
            found = (top, source.split()[0])
    return found[1]


def commit() -> str | None:
    """Return the commit that the benchmarks lie in, ``+`` behind it if files differ, or None."""
    git = shutil.which("git")
    if git is None:
        return None
    here = [git, "-C", str(Path(__file__).parent)]
    head = subprocess.run([*here, "rev-parse", "HEAD"], capture_output=True, text=True)
    if head.returncode != 0:
        return None
    changed = subprocess.run([*here, "status", "--porcelain", "-uno"], capture_output=True)
    return head.stdout.strip() + ("+" if changed.stdout else "")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
