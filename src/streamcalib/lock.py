"""One builder an output: a lock on a folder that says who holds it, and since when.

On one host the kernel's lock decides, which goes with its process. Between hosts that share a
volume, a file in the folder does: its holder touches it again and again, and one that no longer
does so is taken for dead.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcalib.errors import LockedError, StoppedError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from typing import Self

OWNER_NAME = "owner.json"
_HEARTBEAT_SECONDS = 10.0
DEAD_AFTER_SECONDS = 60.0
"""A holder on another host that has not been heard of for so long is taken for dead."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MOST_BYTES = 10_000


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
            with path.open("rb") as file:
                values = json.loads(file.read(_MOST_BYTES))
            owner = cls(**values)
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        texts = (owner.host, owner.boot, owner.started, owner.since, owner.token)
        sound = isinstance(owner.pid, int) and all(isinstance(text, str) for text in texts)
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
        except (PermissionError, OverflowError):
            pass
        return self.started == _start_of(self.pid)


class FolderLock:
    """The lock on a folder, held by this process.

    Attributes
    ----------
    taken_over
        The dead builder whose lock it was, if any.
    """

    def __init__(self, folder: Path, kernel_lock: int | None) -> None:
        self._path = folder / OWNER_NAME
        self._kernel_lock = kernel_lock
        self._owner = Owner.here()
        self.taken_over: Owner | None = None
        self._released = threading.Event()

    @classmethod
    def take(cls, folder: Path, out: Path, *, break_lock: bool = False) -> Self:
        """Make ``folder`` if need be, and lock it for a build of ``out``.

        Parameters
        ----------
        break_lock
            Take the lock from a holder on another host though it may be alive.

        Raises
        ------
        LockedError
            If another build holds it; the message names its process and host.
        OSError
            If the folder cannot be made or written.
        """
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                kernel_lock = _locked(folder)
            except BlockingIOError as error:
                raise _refusal(out, Owner.read(folder / OWNER_NAME)) from error
            # A build that ended just now may have taken the folder away between the two.
            if kernel_lock is None or _is_open_as(folder, kernel_lock):
                break
            os.close(kernel_lock)
        lock = cls(folder, kernel_lock)
        try:
            lock._own(out, break_lock)
        except BaseException:
            lock._close()
            raise
        threading.Thread(target=lock._beat, name="streamcalib-heartbeat", daemon=True).start()
        return lock

    def _own(self, out: Path, break_lock: bool) -> None:
        other = Owner.read(self._path)
        if other is not None:
            if other.is_of(self._owner):
                # With the kernel's lock in hand, whoever held it on this machine is gone.
                if self._kernel_lock is None and other.is_alive():
                    raise _refusal(out, other)
            elif (age := self._age()) < DEAD_AFTER_SECONDS and not break_lock:
                raise _refusal(out, other, age)
            self.taken_over = other
        with suppress(FileNotFoundError):
            self._path.unlink()
        try:
            file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError as error:
            raise _refusal(out, Owner.read(self._path)) from error
        try:
            os.write(file, json.dumps(self._owner._asdict()).encode())
        finally:
            os.close(file)

    def _age(self) -> float:
        """Return how long ago the holder was heard of, by the volume's own clock."""
        probe = self._path.with_name(f"{OWNER_NAME}.{self._owner.token}")
        # Whoever tidies up may take the probe away at any time.
        file = os.open(probe, os.O_CREAT | os.O_WRONLY, 0o644)
        try:
            return os.fstat(file).st_mtime - self._path.stat().st_mtime
        except FileNotFoundError:
            return DEAD_AFTER_SECONDS
        finally:
            os.close(file)
            probe.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._released.wait(_HEARTBEAT_SECONDS):
            with suppress(OSError):
                os.utime(self._path)

    def check(self) -> None:
        """Make sure that the lock is still this process's.

        Raises
        ------
        StoppedError
            If another build has taken it; both would write one file.
        """
        other = Owner.read(self._path)
        if other is not None and other.token != self._owner.token:
            raise StoppedError(
                f"another build has taken over: {other.shown}. This process was taken for dead, "
                "or --break-lock was said there; let that one finish."
            )

    def release(self) -> None:
        """Give the lock up; the folder may be gone by now."""
        self._released.set()
        with suppress(OSError):
            if Owner.read(self._path) == self._owner:
                self._path.unlink()
        self._close()

    def _close(self) -> None:
        if self._kernel_lock is not None:
            os.close(self._kernel_lock)
            self._kernel_lock = None


def _refusal(out: Path, other: Owner | None, age: float | None = None) -> LockedError:
    shown = printable(str(out))
    if other is None:
        return LockedError(
            f"another build of {shown} is running: wait for its end, or choose another --out."
        )
    if age is None:
        return LockedError(
            f"another build of {shown} is running: {other.shown}. Wait for its end, or choose "
            "another --out."
        )
    return LockedError(
        f"another build of {shown} is running: {other.shown}, heard of {max(0, age):.0f} s ago. "
        "Wait for its end, or choose another --out; if you know that it is dead, say --break-lock."
    )


def _start_of(pid: int) -> str:
    """Return what tells a process from a later one of the same number; Linux knows."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    fields: list[Any] = text.rpartition(")")[2].split()
    return str(fields[19]) if len(fields) > 19 else ""


def _locked(folder: Path) -> int | None:
    try:
        import fcntl
    except ImportError:
        return None
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise
    except OSError:
        # Some network file systems lock no folders.
        os.close(lock)
        return None
    return lock


def _is_open_as(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
