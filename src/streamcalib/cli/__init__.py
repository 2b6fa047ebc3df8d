"""The command line: one file a command; each parses, calls one library function, and prints."""

from __future__ import annotations

import sys

import click

from streamcalib.cli import build, demo, finalize, info, run, sample
from streamcalib.cli.ending import run_to_the_end
from streamcalib.version import __version__

_SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}


@click.group(context_settings=_SETTINGS)
@click.version_option(__version__, "--version", message="%(prog)s %(version)s")
def commands() -> None:
    """Build INT8 calibration sets: images in, exactly the tensor the quantizer will see out.

    \b
    With a data set at hand:      streamcalib run train2017 --count 100 --out calibration
    Without one:                  streamcalib demo

    Exit codes: 0 done; 1 unexpected; 2 wrong usage or input; 3 some images were bad; 5 stopped by
    the disk or a dead worker; 130 or 143 interrupted.
    """  # noqa: D301


for command in (
    sample.command,
    build.command,
    finalize.command,
    run.command,
    info.command,
    demo.command,
):
    commands.add_command(command)


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run_to_the_end(commands, sys.argv[1:]))
