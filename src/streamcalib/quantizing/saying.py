"""What ModelOpt and ONNX Runtime say on their way, kept readable."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, TextIO

from tqdm import tqdm

from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGGER = "modelopt"
# Told as an error on every machine without a GPU, whether or not one was asked for.
_OF_NO_CONCERN = ("Failed to get GPU count",)


@contextmanager
def kept_readable(log_level: str) -> Iterator[None]:
    """Print what ModelOpt logs as lines on standard error, and hold back the rest of its chatter.

    It logs to standard output, draws a bar for each step, and ONNX Runtime prints a line for each.
    Bars are never shown, what is printed only if ``log_level`` asks for more than warnings, and
    warnings not if it asks for errors alone. The loggers are left as they were: ModelOpt sets the
    level of its own for good, and lets them write to what standard output is at that moment.
    """
    stream = sys.stderr
    wordy = log_level.upper() in ("DEBUG", "INFO")
    records, others = _Records(stream, _LOGGER), _Records(stream if wordy else None, "root")
    records.setLevel(log_level.upper())
    logger, root = logging.getLogger(_LOGGER), logging.getLogger()
    before = [
        (one, one.level, list(one.handlers), one.propagate) for one in _loggers_below(_LOGGER)
    ]
    logger.addHandler(records)
    logger.propagate = False
    # ONNX Runtime logs to the root, which without a handler gets one that stays for ever.
    root.addHandler(others)
    try:
        with (
            redirect_stdout(_Printed(stream if wordy else None)),
            redirect_stderr(_Printed(stream)),
        ):
            yield
    finally:
        for one, level, handlers, propagate in before:
            one.setLevel(level)
            one.handlers, one.propagate = handlers, propagate
        root.removeHandler(others)


def _loggers_below(name: str) -> list[logging.Logger]:
    """Return the logger of a name, and those below it that there are by now."""
    below = [one for one in logging.root.manager.loggerDict if one.startswith(f"{name}.")]
    return [logging.getLogger(one) for one in (name, *below)]


class _Records(logging.Handler):
    """Writes a line a record of some loggers; a progress bar makes room for it."""

    def __init__(self, stream: TextIO | None, name: str) -> None:
        super().__init__()
        self._stream = stream
        self.addFilter(logging.Filter(name))

    def emit(self, record: logging.LogRecord) -> None:
        """Write."""
        message = record.getMessage()
        if self._stream is not None and not message.startswith(_OF_NO_CONCERN):
            said_by = "ModelOpt" if record.name.startswith(_LOGGER) else "ONNX Runtime"
            text = f"{said_by}, {record.levelname.lower()}: {printable(message)}"
            tqdm.write(text, file=self._stream)


class _Printed(io.TextIOBase):
    """Takes what is printed: whole lines are passed on, lines that are drawn over are not."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._rest = ""

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Take some text."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            # ModelOpt's own handler prints records, which come here by themselves.
            if self._stream and "\r" not in line and "[modelopt]" not in line and line.strip():
                tqdm.write(printable(line), file=self._stream)
        return len(text)

    def flush(self) -> None:
        """Nothing is kept but lines that have not ended."""
