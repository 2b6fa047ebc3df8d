"""One builder an output: who is refused, who takes over, and who notices."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from messages import text_of
from streamcalib import lock as lock_module
from streamcalib.errors import LockedError, StoppedError
from streamcalib.lock import DEAD_AFTER_SECONDS, OWNER_NAME, FolderLock
from streamcalib.owner import Owner
from streamcalib.staging import locked_staging

if TYPE_CHECKING:
    from collections.abc import Iterator

OUT = Path("calib.npy")

# Takes the lock on a folder, says so, and holds it until its standard input ends.
HOLD = """
import sys
from pathlib import Path
from streamcalib.errors import LockedError
from streamcalib.lock import FolderLock
if "unlockable" in sys.argv:
    import fcntl
    def flock(*_):
        raise OSError(38, "Function not implemented")
    fcntl.flock = flock
try:
    held = FolderLock.take(Path(sys.argv[1]), Path("calib.npy"))
except LockedError as error:
    print("refused", error, flush=True)
else:
    print("held", flush=True)
    sys.stdin.read()
    held.release()
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "calib.npy.build"


@pytest.fixture
def unlockable(monkeypatch) -> None:
    """Folders cannot be locked, as on some network file systems."""

    def flock(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)


@contextmanager
def held(folder: Path, **options: bool) -> Iterator[FolderLock]:
    taken = FolderLock.take(folder, OUT, **options)
    try:
        yield taken
    finally:
        taken.release()


def refusal(folder: Path, **options: bool) -> str:
    with pytest.raises(LockedError) as caught, held(folder, **options):
        pass
    return text_of(caught.value)


def leave_owner(folder: Path, age: float = 0, **values: object) -> dict[str, object]:
    """Leave the file of a holder; by default this process's, as of ``age`` seconds ago."""
    folder.mkdir(exist_ok=True)
    owner = {**Owner.here()._asdict(), **values}
    write_owner(folder, json.dumps(owner).encode(), age)
    return owner


def write_owner(folder: Path, content: bytes, age: float = 0) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / OWNER_NAME
    path.write_bytes(content)
    then = time.time() - age
    os.utime(path, (then, then))


def dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def hold(folder: Path, *arguments: str) -> subprocess.Popen:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", HOLD, str(folder), *arguments], **pipes)


def test_a_lock_makes_its_folder_and_takes_it_away(folder):
    """While it is held its file names this process; in the end nothing is left."""
    with held(folder) as lock:
        assert [path.name for path in folder.iterdir()] == [OWNER_NAME]
        owner = Owner.read(folder / OWNER_NAME)
        assert (owner.host, owner.pid) == (socket.gethostname(), os.getpid())
        assert owner.is_alive()
        assert lock.taken_over is None
        lock.check()
    assert not folder.exists()


def test_what_lies_in_the_folder_stays(folder):
    """A lock takes its own file away and nothing else."""
    with held(folder):
        (folder / "rows.npy").touch()
    assert [path.name for path in folder.iterdir()] == ["rows.npy"]


@pytest.mark.parametrize("manner", ["lockable", "unlockable"])
def test_a_second_process_is_refused_by_name(folder, manner, monkeypatch, request):
    """The message names the output, the process and its host, and what to do."""
    if manner == "unlockable":
        request.getfixturevalue("unlockable")
    with hold(folder, manner) as other:
        assert other.stdout.readline() == "held\n"
        told = refusal(folder, break_lock=True)
        host = socket.gethostname()
        beginning = f"another build of calib.npy is running: process {other.pid} on host {host}, "
        assert told.startswith(beginning + "since 20")
        assert told.endswith(". Wait for its end, or choose another --out.")
        other.stdin.close()
        other.wait()
    with held(folder) as lock:
        assert lock.taken_over is None


@pytest.mark.parametrize("manner", ["lockable", "unlockable"])
def test_a_killed_holder_is_taken_over_at_once(folder, manner, request):
    """Nobody waits for a process that is gone, and who takes over knows whose the lock was."""
    if manner == "unlockable":
        request.getfixturevalue("unlockable")
    with hold(folder, manner) as other:
        other.stdout.readline()
        other.kill()
        other.wait()
    with held(folder) as lock:
        assert lock.taken_over.pid == other.pid
        lock.check()


@pytest.mark.usefixtures("unlockable")
@pytest.mark.parametrize(
    "values",
    [
        {"pid": "dead"},
        {"boot": "of an earlier start of this machine"},
        {"started": "1"},
        {"pid": 2**31 + 5},
        {"pid": 2**31 + 5, "started": ""},
    ],
    ids=["process", "boot", "reused", "impossible", "impossible-unknown"],
)
def test_what_only_seems_alive_is_taken_over(folder, values):
    """Dead processes, earlier boots and reused numbers hold nothing, even without kernel locks."""
    if values.get("pid") == "dead":
        values = {"pid": dead_pid()}
    left = leave_owner(folder, **values)
    with held(folder) as lock:
        assert lock.taken_over._asdict() == left


@pytest.mark.usefixtures("unlockable")
def test_a_process_that_is_another_users_is_alive(folder, monkeypatch):
    """Being forbidden to signal it says that it is there."""

    def kill(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    leave_owner(folder)
    assert f"process {os.getpid()} on host" in refusal(folder)


def test_the_kernel_knows_better_than_a_file(folder):
    """A file that names a living process is stale if that one does not hold the kernel's lock."""
    leave_owner(folder)
    with held(folder) as lock:
        assert lock.taken_over.pid == os.getpid()


@pytest.mark.parametrize("manner", ["lockable", "unlockable"])
def test_another_hosts_holder_is_believed_for_a_while(folder, manner, request):
    """It is refused with how long ago it was heard of, and how to break its lock."""
    if manner == "unlockable":
        request.getfixturevalue("unlockable")
    leave_owner(folder, 20, host="elsewhere", pid=77, since="yesterday")
    told = refusal(folder)
    assert told.startswith(
        "another build of calib.npy is running: process 77 on host elsewhere, since yesterday, "
        "heard of 2"
    )
    assert told.endswith(
        " s ago. Wait for its end, or choose another --out; if you know that it is dead, say "
        "--break-lock."
    )
    assert Owner.read(folder / OWNER_NAME).pid == 77
    assert [path.name for path in folder.iterdir()] == [OWNER_NAME]
    with held(folder, break_lock=True) as lock:
        assert lock.taken_over.host == "elsewhere"


def test_another_hosts_silent_holder_is_taken_over(folder):
    """One that has not been heard of for a minute is dead."""
    leave_owner(folder, DEAD_AFTER_SECONDS + 1, host="elsewhere")
    with held(folder) as lock:
        assert lock.taken_over.host == "elsewhere"


def test_another_hosts_clock_may_be_ahead(folder):
    """A file of the future is a fresh one."""
    leave_owner(folder, -1000, host="elsewhere")
    assert "heard of 0 s ago" in refusal(folder)


def test_a_holder_is_heard_of_again_and_again(folder, monkeypatch):
    """While a lock is held, its file is touched; afterwards it is not."""
    monkeypatch.setattr(lock_module, "_HEARTBEAT_SECONDS", 0.01)
    with held(folder):
        os.utime(folder / OWNER_NAME, (0, 0))
        wait_until(lambda: (folder / OWNER_NAME).stat().st_mtime > 0)
        assert not not_beating()
    wait_until(not_beating)


def not_beating() -> bool:
    return "streamcalib-heartbeat" not in [thread.name for thread in threading.enumerate()]


def wait_until(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it does not come to that")


def test_a_lost_lock_does_not_keep_its_taker_alive(folder, monkeypatch):
    """The heartbeat of one whose lock was taken does not touch the new holder's file."""
    monkeypatch.setattr(lock_module, "_HEARTBEAT_SECONDS", 0.01)
    with held(folder):
        leave_owner(folder, 100, host="elsewhere", token="another")
        then = (folder / OWNER_NAME).stat().st_mtime
        time.sleep(0.1)
        assert (folder / OWNER_NAME).stat().st_mtime == then


def test_a_holder_notices_that_its_lock_was_taken(folder):
    """It stops, naming who has it now, and takes nothing of the other's away."""
    lock = FolderLock.take(folder, OUT)
    leave_owner(folder, host="elsewhere", pid=77, since="now", token="another")
    with pytest.raises(StoppedError) as caught:
        lock.check()
    assert text_of(caught.value) == (
        "another build has taken over: process 77 on host elsewhere, since now. This process was "
        "taken for dead, or --break-lock was said there; let that one finish."
    )
    lock.release()
    assert Owner.read(folder / OWNER_NAME).pid == 77


def test_a_holder_notices_that_its_folder_is_gone(folder):
    """Who took over may have ended by now, and have taken everything away."""
    lock = FolderLock.take(folder, OUT)
    (folder / OWNER_NAME).unlink()
    with pytest.raises(StoppedError, match="is gone: another build has taken over and ended"):
        lock.check()
    folder.rmdir()
    lock.release()


def test_a_folder_that_was_made_anew_is_somebody_elses(folder):
    """A builder whose folder was removed does not disturb the one that made it again."""
    first = FolderLock.take(folder, OUT)
    (folder / OWNER_NAME).unlink()
    folder.rmdir()
    with held(folder) as second:
        with pytest.raises(StoppedError, match="another build has taken over"):
            first.check()
        first.release()
        second.check()


HOSTILE = [
    b"",
    b"{",
    b"[1, 2]",
    b"null",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"host": "' + b"x" * 100_000,
    *(
        json.dumps({**Owner.here()._asdict(), **values}).encode()
        for values in (
            {"pid": "1"},
            {"pid": -1},
            {"pid": 0},
            {"pid": 10**400},
            {"pid": 1.5},
            {"host": None},
            {"host": "x" * 5000},
            {"boot": 7},
            {"token": ["a"]},
            {"more": "fields"},
        )
    ),
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("manner", ["lockable", "unlockable"])
def test_a_file_that_names_nobody_holds_nothing(folder, content, manner, request):
    """Whatever is written in it."""
    if manner == "unlockable":
        request.getfixturevalue("unlockable")
    write_owner(folder, content)
    assert Owner.read(folder / OWNER_NAME) is None
    with held(folder) as lock:
        assert lock.taken_over is None


@pytest.mark.parametrize("manner", ["lockable", "unlockable"])
def test_a_pipe_under_its_name_holds_nothing(folder, manner, request):
    """Nobody waits for what may never be written into it."""
    if manner == "unlockable":
        request.getfixturevalue("unlockable")
    folder.mkdir()
    os.mkfifo(folder / OWNER_NAME)
    with held(folder) as lock:
        lock.check()
    assert not folder.exists()


def test_a_hostile_name_is_shown_escaped(folder):
    """A terminal that shows the message obeys nothing in it."""
    leave_owner(folder, host="\x1b[2Jgone\n", since="\r\x07")
    told = refusal(folder)
    assert r"\x1b[2Jgone\n, since \r\x07, heard" in told


def test_a_folder_under_its_files_name_is_told(folder):
    """A folder in its place is an error of the output, not a defect."""
    (folder / OWNER_NAME).mkdir(parents=True)
    with pytest.raises(OSError, match="directory"), held(folder):
        pass
    assert [path.name for path in folder.iterdir()] == [OWNER_NAME]


def race(takers: int, take) -> list[object]:
    """Let threads take at once; return what each got."""
    got, barrier = [], threading.Barrier(takers)

    def run() -> None:
        barrier.wait()
        try:
            got.append(take())
        except LockedError:
            got.append(None)

    threads = [threading.Thread(target=run) for _ in range(takers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


@pytest.mark.parametrize("manner", ["lockable", "unlockable"])
@pytest.mark.parametrize("before", ["nobody", "dead", "garbage"])
def test_of_many_that_race_one_wins(folder, manner, before, request):
    """Exactly one gets the lock, and it is its own in the end."""
    if manner == "unlockable":
        request.getfixturevalue("unlockable")
    for _ in range(20):
        if before == "dead":
            leave_owner(folder, 100, host="elsewhere")
        elif before == "garbage":
            write_owner(folder, b"{")
        winners = [lock for lock in race(6, lambda: FolderLock.take(folder, OUT)) if lock]
        assert len(winners) == 1
        winners[0].check()
        assert [path.name for path in folder.iterdir()] == [OWNER_NAME]
        winners[0].release()
        assert not folder.exists()


@pytest.mark.parametrize("manner", ["lockable", "unlockable"])
def test_one_that_was_killed_as_it_took_over_holds_nobody_up(folder, manner, request):
    """What it has left is taken over as well; of another host, once that one is silent."""
    if manner == "unlockable":
        request.getfixturevalue("unlockable")
    leave_owner(folder, pid=dead_pid(), token="first")
    (folder / OWNER_NAME).rename(folder / "owner.json.taking")
    leave_owner(folder, pid=dead_pid(), token="second")
    with held(folder) as lock:
        assert lock.taken_over.token == "second"
    assert not folder.exists()
    leave_owner(folder, 100, host="elsewhere")
    shutil.copy(folder / OWNER_NAME, folder / "owner.json.taking")
    assert "heard of 0 s ago" in refusal(folder)
    os.utime(folder / "owner.json.taking", (0, 0))
    with held(folder):
        pass
    assert not folder.exists()


@pytest.mark.parametrize("manner", ["lockable", "unlockable"])
def test_of_processes_that_race_one_wins(folder, manner):
    """As among threads."""
    others = [hold(folder, manner) for _ in range(4)]
    said = [other.stdout.readline() for other in others]
    for other in others:
        other.communicate()
    assert sorted(line.split()[0] for line in said) == ["held", *["refused"] * 3]
    assert not folder.exists()


def test_taking_and_giving_back_at_once_never_fails(folder):
    """A folder that goes away under one that comes is made again."""
    failures = []

    def work() -> None:
        for _ in range(60):
            try:
                FolderLock.take(folder, OUT).release()
            except LockedError:
                pass
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    race(4, work)
    assert failures == []
    assert not folder.exists()


def test_no_file_stays_open(folder):
    """Refused or released, a lock leaves no descriptor behind."""
    before = psutil.Process().num_fds()
    with held(folder):
        for _ in range(5):
            refusal(folder)
    assert psutil.Process().num_fds() == before


def test_no_second_names_is_no_obstacle(folder, monkeypatch):
    """Where files cannot be linked, the file is made in one step all the same."""

    def link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with held(folder) as lock:
        lock.check()
        refusal(folder)
    assert not folder.exists()


def test_a_full_disk_is_no_wrong_output(tmp_path, folder, monkeypatch):
    """Where even the lock's file finds no space, the build stops, to go on later."""

    def write_text(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(StoppedError) as caught, locked_staging(tmp_path / "calib.npy"):
        pass
    assert "failed: No space left on device. Free space" in text_of(caught.value)
    assert not folder.exists()
