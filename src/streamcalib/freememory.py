"""Memory that is free on this machine."""

from __future__ import annotations

from pathlib import Path

_MEMINFO = Path("/proc/meminfo")


def available_bytes() -> int | None:
    """Return the memory that programs can still have, in bytes; None where nobody tells.

    Linux tells; a container's own limit is not known to it.
    """
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        known = dict(line.split(":", 1) for line in lines)
        return int(known["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        return None
