"""What the library tells on its way: lines on standard error, and nobody else's business."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from streamcalib.cli.notices import shown_notices
from streamcalib.cli.options import shown_progress
from streamcalib.progress import Progress

ROOM = logging.getLogger("streamcalib.building.resume")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tell() -> None:
    ROOM.debug("a detail")
    ROOM.info("%s of %s kept", 3, "4 rows")
    ROOM.warning("a disk is odd")


def test_notices_are_lines_and_warnings_say_so(capsys):
    """Details are for developers, and not shown."""
    with shown_notices(is_quiet=False):
        tell()
    assert capsys.readouterr() == ("", "3 of 4 rows kept\nwarning: a disk is odd\n")


def test_quiet_is_quiet(capsys):
    """Nothing but errors, and those are exceptions."""
    with shown_notices(is_quiet=True):
        tell()
    assert capsys.readouterr() == ("", "")


def test_a_bar_makes_room(monkeypatch):
    """A line beside a progress bar stands alone, and the bar is drawn again below it."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with shown_progress(is_quiet=False) as notify:
        notify(Progress("build", 1, 0, 4, 100, 1.0))
        tell()
        notify(Progress("build", 2, 0, 4, 200, 2.0))
    lines = terminal.getvalue().replace("\r", "\n").split("\n")
    assert "3 of 4 rows kept" in [line.strip() for line in lines]
    assert "warning: a disk is odd" in [line.strip() for line in lines]
    assert any(line.startswith("build") for line in lines)


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def program():
    """The logging of a program that uses the library."""
    root, kept = logging.getLogger(), Kept()
    # Logging's default, which other libraries' imports change for the whole process.
    level = root.level
    root.setLevel(logging.WARNING)
    root.addHandler(kept)
    yield kept
    root.removeHandler(kept)
    root.setLevel(level)


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG, logging.ERROR])
def test_the_programs_logging_is_as_it_was(program, capsys, level):
    """Before and after a command, what a program hears of the library is up to the program."""
    logger = logging.getLogger("streamcalib")
    logger.setLevel(level)
    try:
        tell()
        before = list(program.messages)
        with shown_notices(is_quiet=False):
            tell()
        assert program.messages == before
        capsys.readouterr()
        tell()
        assert program.messages == before * 2
        assert (logger.level, logger.propagate) == (level, True)
        assert capsys.readouterr().err == ""
    finally:
        logger.setLevel(logging.NOTSET)


def test_without_a_command_the_library_says_nothing_by_itself(program, capsys):
    """Notices go to whoever listens; by default, to nobody but for warnings."""
    tell()
    assert program.messages == ["a disk is odd"]
    assert logging.getLogger("streamcalib").handlers == []
