"""A process in which things are tried that may end it."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from messages import text_of
from streamcalib.errors import StoppedError
from streamcalib.workers.room import LostError, Room, killed


def do(question):
    """Answer, or do what is asked."""
    if question == "pid":
        return os.getpid()
    if question == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if question == "exit":
        os._exit(7)
    if question == "hang":
        time.sleep(1000)
    if question == "stop":
        raise StoppedError("the disk is full.")
    return question


def test_questions_are_answered_by_one_process():
    """Another one than this; it ends with the room."""
    with Room(do, 60) as room:
        process = room.ask("pid")
        assert process != os.getpid()
        assert room.ask(("anything", 1)) == ("anything", 1)
        assert room.ask(None) is None
        assert room.ask("pid") == process
    assert not psutil.pid_exists(process)


@pytest.mark.parametrize(
    ("question", "code", "reason"),
    [
        ("kill", -9, "it killed its worker: signal 9 (SIGKILL)"),
        ("exit", 7, "it ended its worker: exit code 7"),
    ],
)
def test_a_question_that_ends_the_process_is_told_of(question, code, reason):
    """With how it ended; the next one is answered by another process."""
    with Room(do, 60) as room:
        before = room.ask("pid")
        with pytest.raises(LostError) as caught:
            room.ask(question)
        assert caught.value.code == code
        assert killed(code) == reason
        assert room.ask("pid") != before


def test_a_question_that_takes_too_long_is_given_up():
    """And its process is ended."""
    with Room(do, 1.0) as room:
        process = room.ask("pid")
        with pytest.raises(LostError) as caught:
            room.ask("hang")
        assert caught.value.code is None
        assert not psutil.pid_exists(process)


def test_what_stops_the_job_is_raised_here():
    """It is no fault of the question."""
    with Room(do, 60) as room:
        process = room.ask("pid")
        with pytest.raises(StoppedError) as caught:
            room.ask("stop")
        assert text_of(caught.value) == "the disk is full."
        assert room.ask("pid") == process
