"""How a command ends: its exit code, and what is said on the way out."""

from __future__ import annotations

import signal
import traceback
from typing import TYPE_CHECKING

import click

from streamcalib.errors import StreamcalibError
from streamcalib.version import __version__
from streamcalib.wording import printable

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130
TERMINATED = 143
_AGAIN = "Nothing was published; the same command starts over."


class _Terminated(BaseException):
    """SIGTERM arrived; not an ``Exception``, so that nothing on the way takes it for a failure."""


def run_to_the_end(commands: click.Group, arguments: list[str]) -> int:
    """Run a command, print what went wrong if anything did, and return its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        outcome = commands.main(arguments, prog_name="streamcalib", standalone_mode=False)
    except click.exceptions.Abort:
        return _leave(f"interrupted. {_AGAIN}", INTERRUPTED)
    except _Terminated:
        return _leave(f"terminated. {_AGAIN}", TERMINATED)
    except click.ClickException as error:
        # Arguments that it quotes as they are may be names that a shell found.
        vars(error)["message"] = printable(error.message)
        error.show()
        return error.exit_code
    except StreamcalibError as error:
        return _leave(f"error: {error}", error.exit_code)
    except Exception:  # noqa: BLE001
        for line in traceback.format_exc().splitlines():
            click.echo(printable(line), err=True)
        return _leave(
            f"this is a defect of streamcalib {__version__}; please report it with the lines above "
            "and the command.",
            1,
        )
    return outcome if isinstance(outcome, int) else 0


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated


def _leave(message: str, code: int) -> int:
    for line in f"streamcalib: {message}".split("\n"):
        click.echo(printable(line), err=True)
    return code
