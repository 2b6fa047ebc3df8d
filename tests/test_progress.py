"""Progress: what is counted, and how a terminal or a log shows it."""

from __future__ import annotations

import io
import os
import pty
import select
import termios

import pytest

from streamcalib.progress import Counter, PlainLines, Progress, TerminalBar, for_stream


@pytest.fixture
def terminal():
    """A terminal's stream, and the end from which its screen is read."""
    screen, stream = pty.openpty()
    termios.tcsetwinsize(stream, (24, 80))
    with os.fdopen(stream, "w") as file:
        yield file, screen
    os.close(screen)


def read_all(screen: int) -> str:
    shown = b""
    while select.select([screen], [], [], 0.3)[0]:
        shown += os.read(screen, 100_000)
    return shown.decode()


def test_completed_rows_are_counted():
    """A subscriber hears the start, every step, and the end; bad rows count as done."""
    heard = []
    counter = Counter("build", 10, 1000, heard.append)
    counter.add(4, 0)
    counter.add(3, 1)
    counter.add(2, 0)
    assert [event.done for event in heard] == [0, 4, 8, 10]
    assert [event.failed for event in heard] == [0, 0, 1, 1]
    assert [event.bytes_done for event in heard] == [0, 4000, 7000, 9000]
    assert {(event.stage, event.total) for event in heard} == {("build", 10)}
    assert heard == sorted(heard, key=lambda event: event.seconds)


def test_spares_do_not_count_beyond_the_total():
    """Rows made from spares come after their bad ones and leave the total as it is."""
    heard = []
    counter = Counter("build", 3, 1, heard.append)
    counter.add(2, 1)
    counter.add(1, 0)
    assert heard[-1].done == heard[-1].total == 3


def test_reaching_sets_the_count():
    """A writer that knows its position says that."""
    heard = []
    counter = Counter("write npz", 10, 1, heard.append)
    counter.reach(6)
    counter.reach(10)
    assert [event.done for event in heard] == [0, 6, 10]


def test_rates_are_means_since_the_start():
    """Rows and bytes a second, and the time left at that rate; nothing is divided by zero."""
    half = Progress("build", 50, 0, 100, 50_000_000, 5.0)
    assert half.rows_per_second == 10
    assert half.megabytes_per_second == 10
    assert half.seconds_left == 5
    begun = Progress("build", 0, 0, 100, 0, 0.0)
    assert (begun.rows_per_second, begun.megabytes_per_second) == (0, 0)
    assert begun.seconds_left is None


def test_plain_lines_are_whole_lines():
    """Each line stands for itself in a log: stage, counts, rates, time left."""
    stream = io.StringIO()
    lines = PlainLines(stream, interval_seconds=0)
    lines(Progress("build", 0, 0, 100, 0, 0.0))
    lines(Progress("build", 50, 0, 100, 50_000_000, 5.0))
    lines(Progress("build", 60, 2, 100, 58_000_000, 6.0))
    lines.close()
    assert stream.getvalue() == (
        "build: 0 of 100 rows, 0 img/s, 0 MB/s\n"
        "build: 50 of 100 rows, 10 img/s, 10 MB/s, 5 s left\n"
        "build: 60 of 100 rows, 2 bad, 10 img/s, 10 MB/s, 4 s left\n"
    )


def test_a_short_job_prints_no_lines():
    """A log is not filled with jobs of a moment."""
    stream = io.StringIO()
    lines = PlainLines(stream)
    for done in range(100):
        lines(Progress("build", done, 0, 100, done, 1.0))
    assert stream.getvalue() == ""


def test_the_stream_decides(terminal):
    """A terminal gets a bar, anything else plain lines."""
    file, _ = terminal
    assert isinstance(for_stream(file), TerminalBar)
    assert isinstance(for_stream(io.StringIO()), PlainLines)


def test_a_bar_is_drawn_and_taken_away(terminal):
    """The bar shows stage, unit and bad images; nothing of it stays on the screen."""
    file, screen = terminal
    bar = TerminalBar(file)
    bar(Progress("build", 0, 0, 100, 0, 0.0))
    bar(Progress("build", 60, 2, 100, 58_000_000, 6.0))
    bar.close()
    bar.close()
    file.flush()
    shown = read_all(screen)
    assert "build" in shown
    assert "img" in shown
    last = shown.rstrip("\r").rpartition("\r")[2]
    assert last.strip() == ""


def test_a_second_stage_gets_a_bar_of_its_own(terminal):
    """When a stage is complete its bar ends, and the next one begins."""
    file, screen = terminal
    bar = TerminalBar(file)
    for stage in ("build", "write npz"):
        bar(Progress(stage, 0, 0, 2, 0, 0.0))
        bar(Progress(stage, 2, 0, 2, 2_000_000, 1.0))
    bar.close()
    file.flush()
    shown = read_all(screen)
    assert shown.index("build") < shown.index("write npz")


def test_what_is_no_row_is_counted_without_a_rate_of_images():
    """Measurements are measurements, and nothing is written of them."""
    stream = io.StringIO()
    lines = PlainLines(stream, interval_seconds=0)
    lines(Progress("bench", 3, 0, 12, 0, 6.0, "measurements"))
    assert stream.getvalue() == "bench: 3 of 12 measurements, 18 s left\n"
