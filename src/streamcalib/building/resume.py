"""Going on where an earlier run of the same build ended, or beginning anew."""

from __future__ import annotations

import logging
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.building.identity import Identity, made_with
from streamcalib.building.kept import changed_sources, check_makers, damaged_rows, extremes
from streamcalib.building.made import ROUTES
from streamcalib.building.marks import read_marks
from streamcalib.building.rowtable import RowTable
from streamcalib.building.statefolder import (
    check_token,
    clear,
    journal_path,
    make_folder,
    note_place,
    remove_own_folder,
)
from streamcalib.durable import sync
from streamcalib.errors import JournalError, OutputError, StreamcalibError
from streamcalib.journal import Journal
from streamcalib.staging import (
    MARKS_NAME,
    ROWS_NAME,
    Elsewhere,
    foreign_files,
    locked_staging,
    staging_path,
)
from streamcalib.stores.npy import NpyStore
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from streamcalib.building.marks import Mark
    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.staging import Staging

_WHITE = 255

_log = logging.getLogger(__name__)


class Begun(NamedTuple):
    """A build that can go on.

    Attributes
    ----------
    store, journal, table
        With the rows of earlier runs, if any.
    suspects
        What workers were at when the last run died.
    changed
        Checksums of the canvases, before, of rows whose images have changed since.
    """

    store: NpyStore
    journal: Journal
    table: RowTable
    suspects: list[Mark]
    changed: dict[int, int]


def begin(prepared: PreparedBuild, staging: Staging, path: Path) -> Begun:
    """Go on with what lies in a locked staging folder, or begin anew; ``path`` is the journal's.

    Raises
    ------
    OutputError
        If rows of another recipe, list or store are there; the message says what differs.
    JournalError
        If the journal is damaged.
    """
    folder = staging.folder
    if (dead := staging.lock.taken_over) is not None:
        _log.info("taking over from %s, which is gone", dead.shown)
    store = _store(prepared, folder)
    journal = None if prepared.options.restart else _same_build(prepared, folder, path)
    if journal is None:
        return _anew(prepared, folder, path, store)
    try:
        return _go_on(prepared, folder, store, journal)
    except BaseException as error:
        # Errors of this package say themselves how to go on.
        if not isinstance(error, StreamcalibError):
            error.add_note(
                f"The rows in {printable(str(folder))} are kept; the same command goes on from "
                "there."
            )
        journal.close()
        raise


def unfinished_rows(prepared: PreparedBuild) -> int:
    """Return how many rows of an unfinished build a build would begin with.

    Raises
    ------
    LockedError
        If that build is running.
    OutputError
        As `begin` does.
    """
    out, options = prepared.out, prepared.options
    if options.restart or prepared.complete is not None or not staging_path(out).is_dir():
        return 0
    with locked_staging(out, break_lock=options.break_lock) as staging:
        path = journal_path(staging.folder, out, options.state)
        journal = _same_build(prepared, staging.folder, path)
        if journal is None:
            return 0
        try:
            return journal.count()
        finally:
            journal.close()


def _store(prepared: PreparedBuild, folder: Path) -> NpyStore:
    row_shape, dtype = prepared.plan.staged_row
    return NpyStore(
        path=folder / ROWS_NAME, rows=prepared.plan.rows, row_shape=row_shape, dtype=dtype
    )


def remove_leftovers(prepared: PreparedBuild) -> None:
    """Remove what a build left that died between publishing its output and tidying up.

    An unfinished build of another set under the same name stays.
    """
    out = prepared.out
    if not staging_path(out).is_dir() or foreign_files(out):
        return
    with suppress(StreamcalibError, OSError), locked_staging(out) as staging:
        path = journal_path(staging.folder, out, prepared.options.state)
        journal = _same_build(prepared, staging.folder, path)
        if journal is not None:
            journal.close()
        clear(staging.folder, path)
        remove_own_folder(staging.folder, path)


@contextmanager
def _ways_out(prepared: PreparedBuild) -> Iterator[None]:
    """Say of a journal that cannot be used how to go on without it."""
    try:
        yield
    except JournalError as error:
        raise JournalError(
            f"{error} Say --restart to build {printable(prepared.out.name)} anew, or choose "
            "another --out."
        ) from error


def _same_build(prepared: PreparedBuild, folder: Path, path: Path) -> Journal | None:
    """Return the journal of an unfinished build of the same; None if there is none of worth."""
    if path.parent != folder and Elsewhere.read(folder) is None:
        # Left of rows that were removed.
        return None
    with _ways_out(prepared):
        journal = Journal.open(path)
        if journal is None:
            return None
        try:
            kept = journal.count()
            differences = _differences(prepared, journal) if kept else []
            if kept:
                check_token(folder, journal.facts().get("token"))
        except BaseException:
            journal.close()
            raise
    if kept and not differences:
        return journal
    journal.close()
    if not kept or not (folder / ROWS_NAME).exists():
        return None
    lines = "\n".join(f"  {printable(line)}" for line in differences)
    raise OutputError(
        f"an unfinished build of {printable(prepared.out.name)} is another one, with "
        f"{counted(kept, 'row')} done:\n{lines}\nTo discard it, say --restart; or choose another "
        "--out."
    )


def _differences(prepared: PreparedBuild, journal: Journal) -> list[str]:
    facts = journal.facts()
    try:
        before = Identity.from_dict(facts.get("identity"))
    except ValueError as error:
        raise JournalError(f"the journal of the unfinished build is damaged: {error}.") from error
    return before.differences(Identity.of(prepared))


def _anew(prepared: PreparedBuild, folder: Path, path: Path, store: NpyStore) -> Begun:
    make_folder(path)
    clear(folder, path)
    token = secrets.token_hex(8)
    facts = {
        "identity": Identity.of(prepared).to_dict(),
        "made_with": made_with(prepared),
        "token": token,
    }
    try:
        store.create()
        # Once the journal is there, so is the file that it speaks of; once it is written down where
        # the journal is, it is there.
        store.sync()
        journal = Journal.create(path, facts)
        note_place(folder, path, token)
        sync(folder)
    except BaseException:
        clear(folder, path)
        raise
    return Begun(store, journal, RowTable(store.rows), [], {})


def _go_on(prepared: PreparedBuild, folder: Path, store: NpyStore, journal: Journal) -> Begun:
    table = RowTable(store.rows)
    columns = table.columns
    with _ways_out(prepared):
        journal.load(columns)
        facts = journal.facts()
        _check_facts(columns)
    found = int(columns["done"].sum())
    held = store.reopen()
    changed = changed_sources(prepared.images, columns, prepared.confines)
    before = dict(zip(changed.tolist(), columns["canvas_crc32c"][changed].tolist(), strict=True))
    _undo(columns, journal, np.flatnonzero(columns["done"][held:]) + held)
    _undo(columns, journal, _too_large(prepared, columns))
    _undo(columns, journal, damaged_rows(store, columns, _sum_name(prepared)))
    _undo(columns, journal, changed)
    kept = int(columns["done"].sum())
    if kept < found or not _load_extremes(table, facts):
        # What the old pictures alone held is no part of the set.
        table.low, table.high = extremes(store, np.flatnonzero(columns["done"]), prepared)
    makers = facts.get("made_with")
    check_makers(prepared, columns, makers if isinstance(makers, dict) else {}, made_with(prepared))
    journal.forget_failures()
    journal.write_facts({"made_with": made_with(prepared)})
    _log.info("%s of %s kept%s", f"{kept:,}", counted(len(table), "row"), _loss(found - kept))
    return Begun(store, journal, table, read_marks(folder / MARKS_NAME), before)


def _loss(lost: int) -> str:
    return f"; {counted(lost, 'row')} to be made again" if lost else ""


def _undo(columns: NDArray[Any], journal: Journal, rows: NDArray[np.int64]) -> None:
    if len(rows):
        journal.forget(rows)
        columns["done"][rows] = 0


def _too_large(prepared: PreparedBuild, columns: NDArray[Any]) -> NDArray[np.int64]:
    """Return the rows that are done of images beyond this run's limits."""
    options = prepared.options
    pixels = columns["height"].astype(np.int64) * columns["width"]
    is_large = (pixels > options.max_pixels) | (columns["bytes"] > options.max_file_bytes)
    return np.flatnonzero((columns["done"] == 1) & is_large)


def _check_facts(columns: NDArray[Any]) -> None:
    """Make sure that rows which are said to be done were made of pictures."""
    done = columns[columns["done"] == 1]
    if not (done["height"].all() and done["width"].all() and (done["route"] < len(ROUTES)).all()):
        raise JournalError("the journal of the unfinished build is damaged: a row cannot be so.")


def _load_extremes(table: RowTable, facts: dict[str, Any]) -> bool:
    """Take over the smallest and largest values so far; return whether they are known."""
    with suppress(LookupError, TypeError, ValueError, OverflowError):
        low, high = (np.array(facts[name], int) for name in ("low", "high"))
        if low.shape == high.shape == (3,) and low.min() >= 0 and high.max() <= _WHITE:
            table.low, table.high = low, high
            return True
    return False


def forget_damaged(begun: Begun, prepared: PreparedBuild) -> None:
    """Have the next run make those rows again that the disk did not keep."""
    columns = begun.table.columns
    rows = damaged_rows(begun.store, columns, _sum_name(prepared), all_rows=True)
    # After bad images were left out, a row's own number is that of its source.
    begun.journal.forget(columns["source"][rows])


def _sum_name(prepared: PreparedBuild) -> str:
    return "row_crc32c" if prepared.plan.staged == "final" else "canvas_crc32c"


def tell_changed(begun: Begun) -> None:
    """Say how many images were changed between the runs, by content."""
    columns = begun.table.columns
    changed = sum(
        1
        for row, before in begun.changed.items()
        if columns["done"][row] and columns["canvas_crc32c"][row] != before
    )
    if changed:
        one = changed == 1
        _log.info(
            "%s changed since the build began; %s made again",
            counted(changed, "image"),
            "its row was" if one else "their rows were",
        )
