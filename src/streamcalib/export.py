"""A finished set in the form that another quantizer's tool takes from a file."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Unpack

from streamcalib.calibset import CalibrationSet
from streamcalib.errors import InputError, OutputError, StreamcalibError
from streamcalib.exporting.options import ExportKeywords, ExportOptions
from streamcalib.exporting.targets import TARGETS
from streamcalib.progress import Subscriber, ignore
from streamcalib.remotepath import RemotePath, set_path
from streamcalib.staging import staging_folder, staging_path
from streamcalib.wording import printable

if TYPE_CHECKING:
    import os

    from streamcalib.exporting.target import Export


def export(
    calibration: CalibrationSet | str | os.PathLike[str],
    out: str | os.PathLike[str],
    target: str,
    *,
    progress: Subscriber | None = None,
    **options: Unpack[ExportKeywords],
) -> Export:
    """Write a finished set for a consumer that is not ModelOpt's Python interface.

    Streamed: memory does not grow with the number of rows. Every row is held against its checksum.
    The output appears whole, under its final name, or not at all.

    Parameters
    ----------
    calibration, out, target, **options
        As in `check_export`.
    progress
        Called with a `Progress` after every part.

    Returns
    -------
    Export
        What was written; its ``lines`` say what to put into the other tool's configuration.

    Raises
    ------
    InputError
        If the set, the output or an option is not what it must be; nothing was written.
    DamagedError
        If a row of the set is not what its checksum says; nothing was published.
    StoppedError
        If the disk is full or failed.
    """
    return run_export(check_export(calibration, out, target, **options), progress)


def check_export(
    calibration: CalibrationSet | str | os.PathLike[str],
    out: str | os.PathLike[str],
    target: str,
    **options: Unpack[ExportKeywords],
) -> Export:
    """Check what is asked of `export`; nothing is written.

    Parameters
    ----------
    calibration
        The set, or its path.
    out
        The file or folder to write.
    target
        The consumer, one of `TARGETS`.
    **options
        The fields of `ExportOptions`, of which each consumer takes some.

    Raises
    ------
    InputError
        If the set, the output or an option is not what it must be, or the disk is too small.
    """
    if target not in TARGETS:
        raise InputError(f"--for {target!r} is none of {', '.join(TARGETS)}.")
    asked = ExportOptions(**options)
    source = calibration
    if not isinstance(source, CalibrationSet):
        source = CalibrationSet.open(source)
    path = set_path(out)
    shown = printable(str(path))
    if isinstance(path, RemotePath):
        raise OutputError(f"the output {shown} is behind a URL: choose a place on disk.")
    if path == source.path:
        raise OutputError(f"{shown} is the set itself: choose another --out.")
    return TARGETS[target](source, path, asked)


def run_export(order: Export, progress: Subscriber | None = None) -> Export:
    """Carry out a checked export; see `export`."""
    if not order.is_complete:
        order.write(progress or ignore)
    elif staging_path(order.out).is_dir():
        # Of an export that died between publishing and tidying up.
        with suppress(StreamcalibError, OSError), staging_folder(order.out):
            pass
    return order
