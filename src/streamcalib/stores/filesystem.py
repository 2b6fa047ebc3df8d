"""What kind of file system a path lies on."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_ACROSS_A_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs"),
        *("gpfs", "beegfs", "sshfs", "s3fs", "goofys", "gcsfuse", "rclone", "mount-s3", "juicefs"),
    }
)
_IN_MEMORY = frozenset({"tmpfs", "ramfs", "rootfs", "devtmpfs"})


def file_system(path: Path) -> str | None:
    """Return what the system calls the file system of a path, like ``ext4``; Linux tells."""
    try:
        device = path.stat().st_dev
        return _mounted(f"{os.major(device)}:{os.minor(device)}")
    except (AttributeError, OSError):
        return None


def is_in_memory(kind: str | None) -> bool:
    """Whether what is written to such a file system stays in memory, and no disk has a part."""
    return kind in _IN_MEMORY


def is_on_network(kind: str | None) -> bool:
    """Whether the files of such a file system are, or may be, another machine's."""
    return kind is not None and kind.removeprefix("fuse.") in _ACROSS_A_NETWORK


# A worker asks for every task, about the same few devices.
@lru_cache(maxsize=16)
def _mounted(device: str) -> str | None:
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        place, _, kind = line.partition(" - ")
        if kind and place.split()[2:3] == [device]:
            return kind.split()[0]
    return None
