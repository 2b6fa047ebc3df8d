"""What a report will show, and whether it can be written."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import joblib

from streamcalib.calibset import CalibrationSet
from streamcalib.durable import obstacle
from streamcalib.errors import InputError, OutputError
from streamcalib.images.places import is_url, without_file_scheme
from streamcalib.version import __version__
from streamcalib.wording import printable

if TYPE_CHECKING:
    from os import PathLike

    from streamcalib.choosing.labels.source import LabelSource

ROWS = 1000
"""How many rows a page shows by default."""
MOST_ROWS = 10_000
PAGE_NAME = "report.html"
"""What a run calls its page."""
_OPENING = '<!doctype html>\n<html lang="en" data-streamcalib-report="{}">'
_KEY_DIGITS = 32


class ReportKeywords(TypedDict, total=False):
    """How a report is made, as keyword arguments; see `check_report`."""

    rows: int
    seed: int
    labels: LabelSource | None
    jobs: int | None
    overwrite: bool


@dataclass(frozen=True, kw_only=True)
class ReportOrder:
    """What a report will show, checked.

    Attributes
    ----------
    source, out
        The set, and the page's file.
    rows, seed
        How many rows are shown at most, and what chooses them.
    labels
        Where it is written down which classes the images show; None for what the set knows.
    jobs
        Number of threads.
    key
        Tells pages of one set and these options from others.
    is_complete
        Whether ``out`` already is this very page.
    """

    source: CalibrationSet
    out: Path
    rows: int
    seed: int
    labels: LabelSource | None
    jobs: int
    key: str
    is_complete: bool

    @property
    def shown(self) -> int:
        """How many rows are shown."""
        return min(self.rows, len(self.source))


def check_report(
    calibration: CalibrationSet | str | PathLike[str],
    out: str | PathLike[str],
    **options: Unpack[ReportKeywords],
) -> ReportOrder:
    """Check what is asked of `report`; nothing is written.

    Parameters
    ----------
    calibration
        The set, or its path or URL.
    out
        The page: a file on disk that ends in ``.html``.
    rows
        How many rows to show at most, 1 to 10,000 (default 1,000); of a larger set so many are
        chosen evenly.
    seed
        Decides which (default 42).
    labels
        Where it is written down which classes the images show.
    jobs
        Number of threads; by default all cores that this process may use.
    overwrite
        Replace another file of that name; the page of a damaged set needs no word.

    Raises
    ------
    InputError
        If there is no set, an option is out of range, or the page cannot be written there.
    """
    rows, seed, jobs = options.get("rows", ROWS), options.get("seed", 42), options.get("jobs")
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs must be at least 1, not {jobs}.")
    if not 1 <= rows <= MOST_ROWS:
        raise InputError(f"--rows must be 1 to {MOST_ROWS:,}, not {rows}.")
    overwrite = options.get("overwrite", False)
    path = check_page(out)
    if not isinstance(calibration, CalibrationSet):
        calibration = CalibrationSet.open(calibration)
    labels = options.get("labels")
    stamp = None if labels is None else _stamp(labels)
    key = _key(calibration, rows, seed, repr(labels), repr(stamp))
    found = _opening(path)
    is_complete = found == opening(key) and (labels is None or stamp is not None)
    # The page of a damaged set, or of labels that no stamp tells from others.
    is_retry = found.startswith(opening("")) or found == opening(key)
    if not (is_retry or overwrite) and os.path.lexists(path):
        raise OutputError(
            f"{printable(str(path))} exists and is another page. To replace it, say --overwrite; "
            "or choose another --out."
        )
    if not is_complete and (reason := obstacle(path)):
        raise OutputError(f"the report {printable(str(path))} cannot be written: {reason}.")
    return ReportOrder(
        source=calibration,
        out=path,
        rows=rows,
        seed=seed,
        labels=labels,
        jobs=int(joblib.cpu_count()) if jobs is None else jobs,
        key=key,
        is_complete=is_complete,
    )


def check_page(out: str | PathLike[str]) -> Path:
    """Return the absolute path of a page that can be written.

    Raises
    ------
    OutputError
        If it is no file on disk that ends in ``.html``.
    """
    text = without_file_scheme(os.fspath(out))
    shown = printable(text)
    if is_url(text):
        raise OutputError(f"the report {shown} must be a file on disk: a browser opens it there.")
    path = Path(text).absolute()
    if path.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"the report {shown} must end in .html.")
    if os.path.isdir(path):  # noqa: PTH112 (Path's raises where a folder is forbidden)
        raise OutputError(f"the report {shown} is a folder.")
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
        raise OutputError(f"the report {shown} is a pipe, a socket or a device.")
    return path


def check_folder_page(folder: str | PathLike[str]) -> Path:
    """Return the path of the page that a run leaves in its folder.

    Raises
    ------
    OutputError
        If a file of another origin has its name.
    """
    path = check_page(Path(folder) / PAGE_NAME)
    if os.path.lexists(path) and not is_report(path):
        raise OutputError(
            f"{printable(str(path))} is not streamcalib's, and the report of this run would "
            "replace it: move it away, say --no-report, or choose another --out."
        )
    return path


def opening(key: str) -> str:
    """Return how a page begins."""
    return _OPENING.format(key)


def is_report(path: Path) -> bool:
    """Whether a file is a report, of whatever set."""
    return _opening(path).startswith(_OPENING.partition("{}")[0])


def _opening(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(len(opening("0" * _KEY_DIGITS))).decode("utf-8", "replace")
    except OSError:
        return ""


def _key(calibration: CalibrationSet, *options: int | str) -> str:
    manifest, path = calibration.manifest.to_json(), str(calibration.path)
    facts = [__version__, path, manifest, _made_ns(calibration), *options]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:_KEY_DIGITS]


def _stamp(labels: LabelSource) -> tuple[int, int] | None:
    """Return size and time of the one file that holds labels; None if it is not one, or unknown."""
    if labels.kind not in ("coco", "csv") or labels.place is None:
        return None
    try:
        found = Path(labels.place).stat()
    except (OSError, ValueError):
        # Whoever reads the labels says what is wrong.
        return None
    return found.st_size, found.st_mtime_ns


def _made_ns(calibration: CalibrationSet) -> int:
    try:
        return calibration.made_ns
    except OSError:
        return 0
