"""Who holds a lock: a process of a machine, told from any later one of the same number."""

from __future__ import annotations

import os
import secrets
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcalib.datafile import parse_json, read_data
from streamcalib.wording import printable

if TYPE_CHECKING:
    from typing import Self

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MOST_BYTES = 10_000
_LARGEST_PID = 2**32
_LONGEST_TEXT = 255


class Owner(NamedTuple):
    """Who holds a lock.

    Attributes
    ----------
    host, boot
        Name of the machine, and what tells one start of it from another; empty if unknown.
    pid, started
        The process, and what tells it from a later one of the same number; empty if unknown.
    since
        When it took the lock, in words.
    token
        Tells one lock from another.
    """

    host: str
    boot: str
    pid: int
    started: str
    since: str
    token: str

    @classmethod
    def here(cls) -> Self:
        """Return this process."""
        boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
        pid = os.getpid()
        since = time.strftime("%Y-%m-%d %H:%M:%S %z")
        return cls(socket.gethostname(), boot, pid, _start_of(pid), since, secrets.token_hex(8))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the owner that a file names; None if it names none."""
        try:
            owner = cls(**parse_json(read_data(path, _MOST_BYTES)))
        except (OSError, ValueError, TypeError):
            return None
        texts = (owner.host, owner.boot, owner.started, owner.since, owner.token)
        sound = isinstance(owner.pid, int) and 0 < owner.pid <= _LARGEST_PID
        sound = sound and all(isinstance(t, str) and len(t) <= _LONGEST_TEXT for t in texts)
        return owner if sound else None

    @property
    def shown(self) -> str:
        """The process and its host, in words."""
        return f"process {self.pid} on host {printable(self.host)}, since {printable(self.since)}"

    def is_of(self, other: Owner) -> bool:
        """Whether both are of one machine."""
        return self.host == other.host

    def is_alive(self) -> bool:
        """Whether the process, of this machine, still runs."""
        here = Owner.here()
        if self.boot != here.boot:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OverflowError:
            return False
        except PermissionError:
            pass
        return self.started == _start_of(self.pid)


def _start_of(pid: int) -> str:
    """Return what tells a process from a later one of the same number; Linux knows."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    fields: list[Any] = text.rpartition(")")[2].split()
    return str(fields[19]) if len(fields) > 19 else ""
