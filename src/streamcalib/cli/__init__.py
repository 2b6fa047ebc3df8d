"""The command line: one file a command; each parses, calls one library function, and prints."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import click

from streamcalib.cli.ending import run_to_the_end, without_broken_bars
from streamcalib.signals import is_thread_left
from streamcalib.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_NAMES = (
    *("sample", "build", "finalize", "run", "info", "verify", "report", "compare"),
    *("recipe", "quantize", "bench", "demo"),
)
_SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}


class _Commands(Mapping[str, click.Command]):
    """The commands by name; each file is imported when its command is first asked for."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in _NAMES:
            raise KeyError(name)
        command: click.Command = import_module(f"{__name__}.{name}").command
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


@click.group(commands=_Commands(), context_settings=_SETTINGS)
@click.version_option(__version__, "--version", message="%(prog)s %(version)s")
def commands() -> None:
    """Build INT8 calibration sets: images in, exactly the tensor the quantizer will see out.

    \b
    With a data set at hand:      streamcalib run train2017 --count 100 --out calibration
    Without one:                  streamcalib demo

    Exit codes: 0 done; 1 unexpected; 2 wrong usage or input; 3 some images were bad; 4 a set
    failed verification; 5 stopped by the disk or a dead worker; 130 or 143 interrupted.
    """  # noqa: D301


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.unraisablehook = without_broken_bars
    code = run_to_the_end(commands, sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ends_next_time)
    if is_thread_left():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _ends_next_time(number: int, _frame: FrameType | None) -> None:
    """Let a first signal pass: all is done and said, and only workers are waited for."""
    signal.signal(number, signal.SIG_DFL)
