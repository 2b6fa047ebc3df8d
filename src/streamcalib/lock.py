"""One builder an output: a lock on a folder that says who holds it, and since when.

On one host the kernel's lock decides, which goes with its process. Between hosts that share a
volume, a file in the folder does: its holder touches it again and again, and one that no longer
does so is taken for dead.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from streamcalib.errors import LockedError, StoppedError
from streamcalib.owner import Owner
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from streamcalib.remotepath import SetPath

OWNER_NAME = "owner.json"
_HEARTBEAT_SECONDS = 10.0
DEAD_AFTER_SECONDS = 60.0
"""A holder on another host that has not been heard of for so long is taken for dead."""

_TRIES = 100


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
    def take(cls, folder: Path, out: SetPath, *, break_lock: bool = False) -> Self:
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
        for _ in range(_TRIES):
            # A build that ends just now may take the folder away between any two steps.
            with suppress(FileNotFoundError):
                _make_folder(folder)
                lock = cls(folder, _kernel_lock(folder, out))
                try:
                    if lock._is_of(folder):
                        lock._own(out, break_lock)
                        break
                except BaseException:
                    lock._close()
                    raise
                lock._close()
        else:
            raise _refusal(out, None)
        threading.Thread(target=lock._beat, name="streamcalib-heartbeat", daemon=True).start()
        return lock

    def _is_of(self, folder: Path) -> bool:
        if self._kernel_lock is None:
            return True
        return os.path.samestat(folder.stat(), os.fstat(self._kernel_lock))

    def _own(self, out: SetPath, break_lock: bool) -> None:
        self._refuse_living(self._path, out, break_lock)
        own = self._path.with_name(f"{OWNER_NAME}.{self._owner.token}")
        try:
            own.write_text(json.dumps(self._owner._asdict()))
            if not _appears(own, self._path):
                self._take_over(own, out, break_lock)
        finally:
            own.unlink(missing_ok=True)

    def _take_over(self, own: Path, out: SetPath, break_lock: bool) -> None:
        """Put ``own`` in place of a dead holder's file; only one at a time may do so."""
        taking = self._path.with_name(f"{OWNER_NAME}.taking")
        # One that was killed at this very place has left it behind.
        left = self._refuse_living(taking, out, break_lock) is not None
        if left or (os.path.lexists(taking) and self._age(taking) >= DEAD_AFTER_SECONDS):
            taking.unlink(missing_ok=True)
        if not _appears(own, taking):
            raise _refusal(out, Owner.read(taking))
        try:
            # Since it was found dead, somebody else may have taken over.
            dead = self._refuse_living(self._path, out, break_lock)
            if os.path.lexists(self._path):
                own.replace(self._path)
            elif not _appears(own, self._path):
                raise _refusal(out, Owner.read(self._path))
            self.taken_over = dead
        finally:
            taking.unlink(missing_ok=True)

    def _refuse_living(self, path: Path, out: SetPath, break_lock: bool) -> Owner | None:
        """Return the dead holder that a file names, if any."""
        other = Owner.read(path)
        if other is None:
            return None
        if other.is_of(self._owner):
            # With the kernel's lock in hand, whoever held it on this machine is gone.
            if self._kernel_lock is None and other.is_alive():
                raise _refusal(out, other)
        elif not break_lock and (age := self._age(path)) < DEAD_AFTER_SECONDS:
            raise _refusal(out, other, age)
        return other

    def _age(self, path: Path) -> float:
        """Return how long ago a file was touched, by the volume's own clock."""
        probe = self._path.with_name(f"{OWNER_NAME}.{self._owner.token}.now")
        # Whoever tidies up may take the probe away at any time.
        file = os.open(probe, os.O_CREAT | os.O_WRONLY, 0o644)
        try:
            return os.fstat(file).st_mtime - path.stat().st_mtime
        finally:
            os.close(file)
            probe.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._released.wait(_HEARTBEAT_SECONDS):
            with suppress(OSError):
                if Owner.read(self._path) == self._owner:
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
        if not os.path.lexists(self._path):
            raise StoppedError(
                f"the lock {printable(str(self._path))} is gone: another build has taken over and "
                "ended, or the folder was removed. Run the same command again."
            )

    def release(self) -> None:
        """Give the lock up, and take the folder away if it is empty; it may be gone by now."""
        self._released.set()
        with suppress(OSError):
            if Owner.read(self._path) == self._owner:
                self._path.unlink()
        self._close()

    def _close(self) -> None:
        # As long as the kernel's lock is held, nobody else comes to own the folder.
        with suppress(OSError):
            self._path.parent.rmdir()
        if self._kernel_lock is not None:
            os.close(self._kernel_lock)
            self._kernel_lock = None


def _refusal(out: SetPath, other: Owner | None, age: float | None = None) -> LockedError:
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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        # It was there, and may be gone before it can be seen what it was.
        if os.path.lexists(folder) and not folder.is_dir():
            raise


def _kernel_lock(folder: Path, out: SetPath) -> int | None:
    """Return the kernel's lock on a folder, or None where folders cannot be locked.

    Raises
    ------
    LockedError
        If somebody else holds it.
    """
    try:
        import fcntl
    except ImportError:
        return None
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise _refusal(out, Owner.read(folder / OWNER_NAME)) from error
    except OSError:
        # Some network file systems lock no folders.
        os.close(lock)
        return None
    return lock


def _appears(written: Path, path: Path) -> bool:
    """Make a file appear under another name, whole, unless that is taken; return whether it did."""
    try:
        os.link(written, path)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:
        # Some file systems have no second names.
        try:
            with path.open("xb") as file:
                file.write(written.read_bytes())
        except FileExistsError:
            return False
    return True
