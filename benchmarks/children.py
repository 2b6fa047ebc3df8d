"""Child processes: started with an order, heard once, and never left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import ChildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

_ROOT = Path(__file__).parent.parent
_PATIENCE_S = 5.0
# The first line of what Python says of an exception: its name, and its message.
_ERROR = re.compile(r"[\w.]+(Error|Exception|Interrupt)\b")
_LINES_SAID = 2
_PATH = re.compile(r"(/[^\s:'\",()]+)+/")


class Child:
    """A running child.

    Attributes
    ----------
    pid
        Its process id, also that of its process group.
    """

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self.pid = process.pid
        self._process, self._errors = process, errors

    def result(self) -> dict[str, Any]:
        """Wait for the child's end and return what it found.

        Raises
        ------
        ChildError
            If it failed.
        """
        out, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise ChildError(self._complaint())
        found: dict[str, Any] = json.loads(out)
        return found

    def _complaint(self) -> str:
        """Return how the child ended: a signal, or its last words without the folders in them."""
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        code = self._process.returncode
        if code < 0:
            return f"ended by {signal.Signals(-code).name}"
        # Whole folders are nobody's business in published results.
        errors = [number for number, line in enumerate(lines) if _ERROR.match(line)]
        said = lines[errors[-1] :][:_LINES_SAID] if errors else lines[-1:]
        return _PATH.sub("", " ".join(said)) or f"ended with exit code {code}"


@contextmanager
def child(work: str, *, cgroup: Path | None = None, **arguments: Any) -> Iterator[Child]:
    """Start a piece of work of `benchmarks.child`; on any exception it is killed with its own."""
    order = {
        "work": work,
        "arguments": arguments,
        "cgroup": None if cgroup is None else str(cgroup),
    }
    process: subprocess.Popen[str] | None = None
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        release = _signals_held_back()
        try:
            process = _started(order, errors)
            release()
            yield Child(process, errors)
        except BaseException:
            if process is not None:
                _kill(process)
            raise
        finally:
            release()
            if process is not None:
                with process:
                    pass


def run_child(work: str, *, cgroup: Path | None = None, **arguments: Any) -> dict[str, Any]:
    """Carry out a piece of work in a child and return what it found; see `child`."""
    with child(work, cgroup=cgroup, **arguments) as running:
        return running.result()


def _started(order: dict[str, Any], errors: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.child", json.dumps(order, default=str)],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    # Modules are compiled once, as where pip installed them, and not by every worker anew: that
    # more than doubles the time of its start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _signals_held_back() -> Callable[[], None]:
    """Hold Ctrl-C and SIGTERM back until the function returned is called, which raises them.

    Between a child's fork and the parent's knowing of it, nobody could kill it.
    """
    caught: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    kept = {n: signal.signal(n, lambda number, _: caught.append(number)) for n in numbers}

    def release() -> None:
        while kept:
            signal.signal(*kept.popitem())
        if not caught:
            return
        number = caught[0]
        caught.clear()
        if callable(signal.getsignal(number)):
            signal.raise_signal(number)
        raise KeyboardInterrupt

    return release


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a child and all below it, and wait until they are gone: they may still be writing."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.01)
