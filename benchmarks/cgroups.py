"""Control groups with a memory limit, version 1 or 2, wherever this process may make one."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import AbsentError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_S = 10.0
_MEND = "run as root, or in a group of your own: systemd-run --user --scope -p Delegate=yes"


@dataclass(frozen=True)
class Cgroup:
    """A control group for processes that are not to have more memory than its limit.

    Attributes
    ----------
    folder
        Where it is.
    version
        1 or 2.
    """

    folder: Path
    version: int

    @property
    def processes(self) -> Path:
        """The file that a process joins by."""
        return self.folder / "cgroup.procs"

    def limit(self, limit_bytes: int) -> None:
        """Set the limit of memory, page cache included, and of swap none where that can be set."""
        names = {1: ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", limit_bytes)}
        memory, swap, swap_bytes = names.get(self.version, ("memory.max", "memory.swap.max", 0))
        if not (self.folder / memory).exists():
            raise FileNotFoundError(2, "its groups have no memory controller")
        (self.folder / memory).write_text(str(limit_bytes), encoding="ascii")
        with suppress(OSError):
            (self.folder / swap).write_text(str(swap_bytes), encoding="ascii")
        if not os.access(self.processes, os.W_OK):
            raise PermissionError(13, "it takes no process from this one")

    def peak_bytes(self) -> int | None:
        """Return the most memory that the group ever held, or None if the kernel does not say."""
        name = "memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"
        try:
            return int((self.folder / name).read_text(encoding="ascii"))
        except OSError:
            return None

    def remove(self) -> None:
        """Remove the group as soon as its last process is gone."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.folder.rmdir()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return


@contextmanager
def memory_cgroup(limit_bytes: int) -> Iterator[Cgroup]:
    """Make a group with a memory limit, and remove it in the end.

    Raises
    ------
    AbsentError
        If none can be made here; the message says why.
    """
    group = _made(limit_bytes)
    try:
        yield group
    finally:
        group.remove()


def _made(limit_bytes: int) -> Cgroup:
    reason = "this system has no control groups"
    for version, parent in _parents():
        group = Cgroup(parent / f"streamcalib-benchmark-{os.getpid()}", version)
        try:
            group.folder.mkdir()
        except OSError as error:
            reason = f"no group can be made: {error.strerror}"
            continue
        try:
            group.limit(limit_bytes)
        except OSError as error:
            group.remove()
            reason = f"no group takes a memory limit: {error.strerror}"
            continue
        return group
    raise AbsentError(f"{reason}; {_MEND}")


def _parents() -> Iterator[tuple[int, Path]]:
    """Yield where a group may be made: below this process's own group, then further up."""
    own = _own_groups()
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mount, _, source = line.partition(" - ")
        root, top = mount.split()[3:5]
        kind, _, options = source.split(" ", 2)
        version = {"cgroup": 1, "cgroup2": 2}.get(kind)
        if version is None or (version == 1 and "memory" not in options.split(",")):
            continue
        inside = Path(own.get(version, "/"))
        relative = inside.relative_to(root) if inside.is_relative_to(root) else Path()
        for folder in (relative, *relative.parents):
            yield version, Path(top) / folder


def _own_groups() -> dict[int, str]:
    """Return this process's group of the memory controller, by version."""
    groups = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            groups[2] = path
        elif "memory" in controllers.split(","):
            groups[1] = path
    return groups
