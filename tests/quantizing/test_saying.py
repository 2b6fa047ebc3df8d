"""What ModelOpt says: warnings as lines, no bars, no chatter, and nothing left behind."""

from __future__ import annotations

import logging
import sys

import pytest

from streamcalib.quantizing.saying import kept_readable


@pytest.fixture(autouse=True)
def all_is_logged(caplog):
    """Whatever levels other tests' quantizers have set."""
    with caplog.at_level("DEBUG"), caplog.at_level("DEBUG", "modelopt.onnx"):
        yield


def chatter() -> None:
    """Say what ModelOpt and ONNX Runtime say, where they say it."""
    logger = logging.getLogger("modelopt.onnx")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("[modelopt][onnx] - %(message)s"))
    logger.addHandler(handler)
    try:
        logger.warning("shared\x1bconstants")
        logger.error("Failed to get GPU count: no library")
        logging.getLogger().warning("Expected bias to be an initializer")
        print("Collecting tensor data and making histogram ...")
        print("\r 50%|#####", end="", file=sys.stderr)
        print("\r100%|##########", file=sys.stderr)
        print("something to know", file=sys.stderr)
    finally:
        logger.removeHandler(handler)


def test_warnings_alone(capsys):
    """By default lines on standard error, one a warning, escaped; nothing on standard output."""
    with kept_readable("WARNING"):
        chatter()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.split("\n") == [
        "ModelOpt, warning: shared\\x1bconstants",
        "something to know",
        "",
    ]


def test_errors_alone(capsys):
    """If asked for, what is logged as a warning is not told, whatever the logger's own level."""
    with kept_readable("ERROR"):
        chatter()
        logging.getLogger("modelopt.onnx").error("no such node")
    assert capsys.readouterr().err == "something to know\nModelOpt, error: no such node\n"


def test_all_if_asked(capsys):
    """At a lower level, what is printed, and what ONNX Runtime logs; never a bar."""
    with kept_readable("info"):
        chatter()
    told = capsys.readouterr()
    assert told.out == ""
    assert "Collecting tensor data" in told.err
    assert "ONNX Runtime, warning: Expected bias" in told.err
    assert "100%" not in told.err
    assert told.err.count("constants") == 1


def state() -> list[object]:
    """Where things are written to, and the loggers of all that speak."""
    names = ("modelopt", "modelopt.onnx", "modelopt.onnx.quantization", "root")
    loggers = [logging.getLogger(name) for name in names]
    return [
        (sys.stdout, sys.stderr),
        *((one.level, list(one.handlers), one.propagate) for one in loggers),
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left(fails):
    """Streams and loggers are as before, also after an error, and whatever ModelOpt set."""
    before = state()
    try:
        with kept_readable("ERROR"):
            for name in ("modelopt.onnx", "modelopt.onnx.quantization"):
                logging.getLogger(name).setLevel("ERROR")
            logging.getLogger("modelopt.onnx").handlers = [logging.StreamHandler(sys.stdout)]
            if fails:
                raise ValueError
    except ValueError:
        pass
    assert before == state()
