"""Progress of the real command: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import os
import pty
import subprocess
import termios

import smallsets

BUILD = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)


def on_a_terminal(folder, *arguments: object) -> str:
    """Return what a command shows on a terminal of 100 columns."""
    screen, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    process = subprocess.Popen(
        smallsets.command(*arguments), cwd=folder, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(screen, 4096):
            shown += part
    except OSError:
        pass  # the terminal's last user is gone
    assert process.wait() == 0
    os.close(screen)
    return shown.decode()


def test_a_terminal_shows_a_bar(images, tmp_path):
    """The bar is drawn over itself, taken away, and followed by what was built."""
    shown = on_a_terminal(tmp_path, *BUILD)
    assert "\rbuild:   0%|" in shown
    assert "0/6" in shown
    left = [line.rpartition("\r")[2] for line in shown.replace("\r\n", "\n").split("\n")]
    assert "calib.npy built: (6, 3, 16, 16)" in left[0]
    assert not [line for line in left if "build:" in line]


def test_a_quiet_terminal_shows_nothing(images, tmp_path):
    """``--quiet`` holds on terminals too."""
    assert on_a_terminal(tmp_path, *BUILD, "--quiet") == ""


def test_a_pipe_gets_no_bar(images, tmp_path):
    """Standard error of a short job is empty, standard output is lines."""
    ended = smallsets.run(*BUILD, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "\r" not in ended.out
    assert "built: (6, 3, 16, 16)" in ended.out


def test_a_long_job_in_a_pipe_prints_lines(images, tmp_path):
    """Every line stands for itself, on standard error."""
    often = "import streamcalib.progress as p; p.PlainLines.__init__.__defaults__ = (0.0,); "
    ended = smallsets.run(*BUILD, cwd=tmp_path, program=often + smallsets.PROGRAM)
    assert ended.code == 0
    lines = ended.err.splitlines()
    assert lines[0] == "build: 0 of 6 rows, 0 img/s, 0 MB/s"
    assert lines[-1].startswith("build: 6 of 6 rows, ")
    assert "\r" not in ended.err
