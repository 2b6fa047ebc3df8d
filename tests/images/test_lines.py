"""The lines of a list: numbered as an editor numbers them, never without end."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from messages import text_of
from streamcalib.errors import ListError
from streamcalib.images import lines
from streamcalib.images.lines import numbered_entries, read_entries


@pytest.mark.parametrize("block", [1, 3, 2**16])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_entries_have_the_numbers_of_their_lines(tmp_path, monkeypatch, block, ending):
    """Comments and blank lines count, and so does a last line without an end."""
    monkeypatch.setattr(lines, "_BLOCK_CHARACTERS", block)
    file = tmp_path / "list.txt"
    file.write_text(ending.join(["\ufeff#", "", "a.jpg", " ", "b.jpg", "#c", "d.jpg"]), newline="")
    assert list(numbered_entries(file)) == [(3, "a.jpg"), (5, "b.jpg"), (7, "d.jpg")]
    assert read_entries(file) == ["a.jpg", "b.jpg", "d.jpg"]


@pytest.mark.parametrize("size", [2**17 + 1, 2**24])
def test_a_line_without_end_is_no_path(tmp_path, size):
    """It is told before all of it is read."""
    file = tmp_path / "list.txt"
    file.write_text("a.jpg\n" + "x" * size)
    with pytest.raises(ListError) as caught:
        read_entries(file)
    assert "has a line of more than 65536 characters" in text_of(caught.value)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["device", "endless", "socket", "loop", "folder", "pipe"])
def test_what_is_no_list_is_told_at_once(tmp_path, monkeypatch, kind):
    """Devices, sockets and loops of links are named; a pipe that nobody writes to does not hang."""
    monkeypatch.chdir(tmp_path)
    file = Path("list.txt")
    if kind in ("device", "endless"):
        file = Path("/dev/null" if kind == "device" else "/dev/zero")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("list.txt")
    elif kind == "loop":
        file.symlink_to(file)
    elif kind == "folder":
        file.mkdir()
    else:
        os.mkfifo(file)
    reasons = {
        "loop": "Too many levels of symbolic links",
        "folder": "Is a directory",
        "pipe": "nothing is written to this pipe: start what writes to it first",
    }
    with pytest.raises(ListError) as caught:
        read_entries(file)
    reason = reasons.get(kind, "it is neither a regular file nor a pipe")
    assert text_of(caught.value) == f"the list {file} cannot be read: {reason}."


@pytest.mark.timeout(60)
def test_a_pipe_is_read_to_its_end(tmp_path):
    """A writer may be there before or slow; the list is all that it writes."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("w") as file:
            for n in range(3):
                file.write(f"{n}.jpg\n" * 20_000)
                file.flush()

    writing = threading.Thread(target=write)
    writing.start()
    time.sleep(0.2)  # until it waits for a reader
    assert read_entries(pipe) == [f"{n}.jpg" for n in range(3) for _ in range(20_000)]
    writing.join()


@pytest.mark.timeout(60)
def test_a_pipe_without_end_is_refused(monkeypatch):
    """More than any list holds is not kept."""
    reader, writer = os.pipe()
    stop = threading.Event()

    def write() -> None:
        try:
            while not stop.is_set():
                os.write(writer, b"a.jpg\n" * 5000)
        except BrokenPipeError:
            pass

    monkeypatch.setattr(lines, "_MOST_PIPED_BYTES", 10**6)
    writing = threading.Thread(target=write)
    writing.start()
    try:
        with pytest.raises(ListError, match=r"cannot be read: it has more than 1\.0 MB\.$"):
            read_entries(Path(f"/dev/fd/{reader}"))
    finally:
        stop.set()
        os.close(reader)
        writing.join()
        os.close(writer)
