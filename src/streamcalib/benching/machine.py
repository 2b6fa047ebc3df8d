"""The machine a bench ran on: what decides its figures, and nothing that names machine or user."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import NamedTuple

import joblib

from streamcalib.stores.filesystem import file_system, is_in_memory
from streamcalib.surroundings import versions

_CPUINFO = Path("/proc/cpuinfo")


class Machine(NamedTuple):
    """What a bench ran on.

    Attributes
    ----------
    cpu
        The processor's model, or its kind where the system does not tell.
    cores
        How many this process may use, by affinity and cgroup limits; hyper-threads count.
    memory_bytes
        Of the whole machine, or None where the system does not tell.
    versions
        Of streamcalib, Python, the packages that make rows, and the platform.
    file_system
        Kind of the file system that was written to, like ``ext4``, or None where the system does
        not tell.
    """

    cpu: str
    cores: int
    memory_bytes: int | None
    versions: dict[str, str]
    file_system: str | None = None

    @property
    def writes_to_memory(self) -> bool:
        """Whether what is written stays in memory, so that no disk has a part in it."""
        return is_in_memory(self.file_system)


def this_machine(out: Path) -> Machine:
    """Describe the machine this runs on, where it writes to the folder ``out``."""
    cores = int(joblib.cpu_count())
    return Machine(_cpu(), cores, _memory_bytes(), versions(), file_system(out))


def _cpu() -> str:
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine() or "unknown"


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
