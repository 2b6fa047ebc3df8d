"""Signals that come while something is half done."""

from __future__ import annotations

import signal
import threading

import pytest

from streamcalib.signals import held_back


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
