"""What the page cache holds of a file."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path


def resident_bytes(path: Path | str) -> int:
    """Return how many bytes of a file the page cache holds."""
    size = Path(path).stat().st_size
    with Path(path).open("r+b") as file, mmap.mmap(file.fileno(), size) as view:
        pages = -(-size // mmap.PAGESIZE)
        vector = (ctypes.c_ubyte * pages)()
        start = ctypes.addressof(first := ctypes.c_ubyte.from_buffer(view))
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.mincore(ctypes.c_void_p(start), ctypes.c_size_t(size), vector) == 0
        del first
        return sum(flag & 1 for flag in vector) * mmap.PAGESIZE


def keeps_pages(path: Path) -> bool:
    """Whether a page cache stands between a file and its medium."""
    kinds = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        kinds[place] = kind
    place = next(str(p) for p in (path, *path.parents) if str(p) in kinds)
    return kinds[place] not in ("tmpfs", "ramfs", "overlay")
