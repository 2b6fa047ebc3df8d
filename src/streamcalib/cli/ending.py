"""How a command ends: its exit code, and what is said on the way out."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import click

from streamcalib.errors import OutputError, StreamcalibError
from streamcalib.version import __version__
from streamcalib.wording import printable

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130
TERMINATED = 143
_LONGEST_NAME = 120
_AGAIN = "Nothing was published; the same command starts over."


class _Terminated(BaseException):
    """SIGTERM arrived; not an ``Exception``, so that nothing on the way takes it for a failure."""


def run_to_the_end(commands: click.Group, arguments: list[str]) -> int:
    """Run a command, print what went wrong if anything did, and return its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        outcome = commands.main(arguments, prog_name="streamcalib", standalone_mode=False)
    except click.exceptions.Abort as abort:
        # click raises it in place of KeyboardInterrupt.
        return _leave(f"interrupted. {_notes(abort.__context__) or _AGAIN}", INTERRUPTED)
    except _Terminated as error:
        return _leave(f"terminated. {_notes(error) or _AGAIN}", TERMINATED)
    except click.ClickException as error:
        # Arguments that it quotes as they are may be names that a shell found.
        vars(error)["message"] = printable(error.message)
        error.show()
        return error.exit_code
    except StreamcalibError as error:
        return _leave(" ".join(filter(None, (f"error: {error}", _notes(error)))), error.exit_code)
    except Exception as error:  # noqa: BLE001
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            shown = printable(os.fsdecode(error.filename or "a path"))
            return _leave(
                f"error: {_shortened(shown)} is too long a name here: choose a shorter one.",
                OutputError.exit_code,
            )
        for line in traceback.format_exc().splitlines():
            click.echo(printable(line), err=True)
        return _leave(
            f"this is a defect of streamcalib {__version__}; please report it with the lines above "
            "and the command.",
            1,
        )
    return outcome if isinstance(outcome, int) else 0


def without_broken_bars(raised: sys.UnraisableHookArgs) -> None:
    """Tell what cannot be raised, but not of a progress bar that an interrupt left half made."""
    is_bar = getattr(raised.object, "__qualname__", "") == "tqdm.__del__"
    if not (is_bar and isinstance(raised.exc_value, AttributeError)):
        sys.__unraisablehook__(raised)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated


def _notes(error: BaseException | None) -> str:
    """Return what was noted of an error on its way: what is kept, and how to go on."""
    return " ".join(getattr(error, "__notes__", ()))


def _leave(message: str, code: int) -> int:
    for line in f"streamcalib: {message}".split("\n"):
        click.echo(printable(line), err=True)
    return code
