"""A set as one page for a person, in a file that needs nothing else."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NamedTuple, Unpack

from streamcalib.durable import replaced, sync
from streamcalib.errors import DamagedError, OutputError, StoppedError, StreamcalibError
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.report.classes import known_classes
from streamcalib.report.concerns import Concern, concerns
from streamcalib.report.likeness import Likeness, likeness
from streamcalib.report.order import ReportKeywords, ReportOrder, check_report
from streamcalib.report.page import Page
from streamcalib.report.survey import evenly, survey
from streamcalib.report.thumbnails import Thumbnails
from streamcalib.wording import printable

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.report.survey import Survey

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Report(NamedTuple):
    """A page that was written.

    Attributes
    ----------
    path
        The file.
    rows, shown
        How many rows the set has, and how many the page shows.
    concerns
        What a person should know; empty if the page was there already.
    damaged
        How many rows are not what was written.
    is_new
        Whether it was written now.
    """

    path: Path
    rows: int
    shown: int
    concerns: tuple[Concern, ...]
    damaged: int
    is_new: bool


def report(
    calibration: CalibrationSet | str | PathLike[str],
    out: str | PathLike[str],
    *,
    progress: Subscriber | None = None,
    **options: Unpack[ReportKeywords],
) -> Report:
    """Write a page that shows a set: its rows, distributions, and what is odd about it.

    One HTML file that needs no network and no other file. Every row is read once and held to its
    checksum; memory does not grow with the set. Damaged rows are named on the page, and not shown.

    Parameters
    ----------
    calibration, out, **options
        As in `check_report`.
    progress
        Called with a `Progress` after every part.

    Raises
    ------
    InputError
        If the set or the page is not what it must be; nothing was written.
    DamagedError
        If the set's manifest is not the one that was written, or its file has another size.
    StoppedError
        If the set cannot be read, or the disk is full.
    """
    return run_report(check_report(calibration, out, **options), progress)


def run_report(order: ReportOrder, progress: Subscriber | None = None) -> Report:
    """Carry out a checked order; see `report`."""
    calibration = order.source
    if order.is_complete:
        return Report(order.out, len(calibration), order.shown, (), 0, False)
    classes = known_classes(calibration, order.labels)
    seen, found = _look(order, progress or ignore)
    told = concerns(seen, calibration.manifest)
    _write(order, Page(order, seen, found, told, classes))
    damaged = seen.marked.counts.get("damaged", 0)
    return Report(order.out, len(calibration), order.shown, tuple(told), damaged, True)


def report_beside(
    calibration: CalibrationSet,
    page: Path | None,
    progress: Subscriber | None = None,
    *,
    jobs: int | None = None,
) -> Report | None:
    """Write the page of a run, ``page`` of `check_folder_page`, if it is to have one.

    A page that is there already is left as it is.

    Raises
    ------
    StreamcalibError
        As `report` does; the set stays.
    """
    if page is None:
        return None
    try:
        return run_report(check_report(calibration, page, jobs=jobs, overwrite=True), progress)
    except BaseException as error:
        error.add_note("The set is whole; the same command writes its report.")
        raise


def _look(order: ReportOrder, notify: Subscriber) -> tuple[Survey, Likeness]:
    calibration = order.source
    if calibration.recipe.fingerprint != calibration.manifest.recipe_fingerprint:
        raise DamagedError(
            f"the recipe in the manifest of {printable(str(calibration.path))} was changed after "
            "the build."
        )
    counter = Counter("report", len(calibration), calibration.values().stored.row_bytes, notify)
    shown = evenly(len(calibration), order.shown, order.seed)
    thumbnails = Thumbnails.fitting(order.shown, calibration.recipe)
    try:
        with one_opencv_thread():
            seen = survey(calibration, shown, thumbnails, order.jobs, counter.reach)
        found = likeness(calibration, seen.hashes, notify)
    except OSError as error:
        if isinstance(error, StreamcalibError):
            raise
        raise StoppedError(
            f"reading {printable(str(calibration.path))} failed: {error.strerror or error}. Mend "
            "the volume or the way to it, then run the same command again."
        ) from error
    seen.mark_likeness(found, calibration)
    return seen, found


def _write(order: ReportOrder, page: Page) -> None:
    path = order.out
    shown = printable(str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            file.writelines(page.parts())
        sync(path.parent)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"the report {shown} cannot be written: its folder is a file.") from error
    except OSError as error:
        if error.errno in _FULL:
            raise StoppedError(
                f"writing {shown} failed: {error.strerror}. Free space, then run the same command "
                "again."
            ) from error
        raise OutputError(
            f"the report {shown} cannot be written: {error.strerror or error}."
        ) from error
