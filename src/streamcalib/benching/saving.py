"""Where a bench's figures go: refused before measuring if they cannot, saved as far as they can."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from streamcalib.benching.chart import check_chart, draw_chart
from streamcalib.durable import replaced, write_text
from streamcalib.errors import InputError, OutputError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.benching.result import BenchResult


class _TriedError(Exception):
    """A file could be made, and is not wanted."""


def check_outputs(json_file: Path | None, chart: Path | None, *, by_trial: bool) -> None:
    """Refuse outputs that could not be written, before minutes go into measuring.

    Parameters
    ----------
    json_file, chart
        Where figures and chart shall go, if anywhere.
    by_trial
        Whether to try by making a file and taking it away; else nothing is written.

    Raises
    ------
    InputError
        Or one of its kinds: whatever is wrong, with the mend.
    """
    if chart is not None:
        check_chart(chart)
    for option, path in (("--json", json_file), ("--chart", chart)):
        if path is not None:
            _check(option, path, by_trial=by_trial)
    if json_file and chart and os.path.realpath(json_file) == os.path.realpath(chart):
        raise InputError(
            f"--json and --chart are both {printable(str(chart))}: name two different files."
        )


def _check(option: str, path: Path, *, by_trial: bool) -> None:
    shown = f"{option} {printable(str(path))}"
    if os.path.lexists(path) and not path.is_file():
        kind = "a folder" if path.is_dir() else "no file that could be replaced"
        raise OutputError(f"{shown} is {kind}: give the name of a file.")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"the folder of {shown} is not there: make it.")
    if not by_trial:
        return
    try:
        with suppress(_TriedError), replaced(path) as part:
            part.touch(exist_ok=False)
            raise _TriedError
    except OSError as error:
        raise OutputError(
            f"{shown} cannot be written: {error.strerror or error}. Choose another place."
        ) from error


def save(result: BenchResult, json_file: Path | None, chart: Path | None) -> str:
    """Save what can be saved, and return what went wrong with the rest, or nothing."""
    wrong = []
    if json_file is not None:
        try:
            write_text(json_file, result.to_json())
        except OSError as error:
            shown = printable(str(json_file))
            wrong.append(f"--json {shown} cannot be written: {error.strerror or error}.")
    if chart is not None:
        try:
            draw_chart(result, chart)
        except InputError as error:
            wrong.append(str(error))
    return " ".join(wrong)
