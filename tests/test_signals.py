"""Signals that come while something is half done."""

from __future__ import annotations

import signal
import threading

import pytest

from streamcalib.signals import ENDING, SoftEnd, held_back


class _Heard(BaseException):
    pass


def _be_interrupted(number, done):
    with held_back():
        signal.raise_signal(number)
        signal.raise_signal(number)
        done.append(True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_raised_once_the_block_is_done(number):
    """Not before, and the handlers are the old ones by then."""

    def hear(_number, _frame):
        raise _Heard

    before = signal.signal(number, hear)
    done = []
    try:
        with pytest.raises(_Heard):
            _be_interrupted(number, done)
        assert done == [True]
        assert signal.getsignal(number) is hear
    finally:
        signal.signal(number, before)


def test_elsewhere_nothing_is_held():
    """A thread that is not the main one cannot set handlers."""
    handlers = []

    def enter():
        with held_back():
            handlers.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == [before]


@pytest.fixture
def heard():
    """What a handler of the program's own has heard; the old handlers are put back."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: came.append(number))
        for number in ENDING
    }
    yield came
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_a_first_signal_asks_and_a_second_ends(heard, number):
    """The job is told once; what comes then, whichever it is, is the program's own affair."""
    mine = signal.getsignal(number)
    stopped = []
    with SoftEnd(lambda: stopped.append(True)) as end:
        assert end.came is None
        signal.raise_signal(number)
        assert (end.came, stopped, heard) == (number, [True], [])
        other = signal.SIGINT if number == signal.SIGTERM else signal.SIGTERM
        signal.raise_signal(other)
        assert (end.came, stopped, heard) == (number, [True], [other])
        signal.raise_signal(number)
        assert heard == [other, number]
    assert signal.getsignal(number) is mine


@pytest.mark.parametrize("number", ENDING)
def test_what_came_is_raised_again_in_the_end(heard, number):
    """Once the job has ended, what the signal would have done is done."""
    with SoftEnd(lambda: None) as end:
        signal.raise_signal(number)
    assert heard == []
    end.raise_again()
    assert heard == [number]


def test_without_a_signal_nothing_is_raised(heard):
    """A job that ended by itself goes on."""
    with SoftEnd(lambda: None) as end:
        pass
    end.raise_again()
    assert heard == []


def test_handlers_are_put_back_whatever_happens(heard):
    """An error in the job leaves the program's handlers as they were."""
    before = [signal.getsignal(number) for number in ENDING]
    with pytest.raises(_Heard), SoftEnd(lambda: None):
        raise _Heard
    assert [signal.getsignal(number) for number in ENDING] == before


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_what_the_program_ignores_stays_ignored(heard, handler):
    """As it is under nohup, or in a job that a shell put into the background."""
    signal.signal(signal.SIGTERM, handler)
    with SoftEnd(lambda: None):
        assert signal.getsignal(signal.SIGTERM) == handler
        assert signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, signal.SIG_DFL)
    assert signal.getsignal(signal.SIGTERM) == handler


def test_in_other_threads_nothing_is_heard(heard):
    """There a job cannot be asked, and runs as it is."""
    seen = []

    def enter() -> None:
        with SoftEnd(lambda: None) as end:
            seen.extend(signal.getsignal(number) for number in ENDING)
        end.raise_again()

    before = [signal.getsignal(number) for number in ENDING]
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == before


def test_signals_are_held_back_within_a_soft_end(heard):
    """Both together: the job hears of it when nothing is half done any more."""
    stopped = []
    with SoftEnd(lambda: stopped.append(True)):
        with held_back():
            signal.raise_signal(signal.SIGINT)
            assert stopped == []
        assert stopped == [True]
    assert heard == []
