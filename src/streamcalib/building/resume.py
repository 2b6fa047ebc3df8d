"""Going on where an earlier run of the same build ended, or beginning anew."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.building.alone import is_dangerous
from streamcalib.building.identity import Identity, made_with
from streamcalib.building.kept import changed_sources, check_makers, damaged_rows, extremes
from streamcalib.building.made import ROUTES
from streamcalib.building.marks import read_marks
from streamcalib.building.rowtable import RowTable
from streamcalib.building.statefolder import clear, journal_path, note_place
from streamcalib.durable import sync
from streamcalib.errors import JournalError, OutputError, StreamcalibError
from streamcalib.journal import Journal
from streamcalib.staging import MARKS_NAME, ROWS_NAME, locked_staging, staging_path
from streamcalib.stores.npy import NpyStore
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

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
        Images that may have ended an earlier run: workers were at them when it died, or they ended
        a worker.
    changed
        Checksums of the canvases, before, of rows whose images have changed since.
    """

    store: NpyStore
    journal: Journal
    table: RowTable
    suspects: frozenset[int]
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
    journal = None if prepared.options.restart else _same_build(prepared, folder, path)
    if journal is None:
        return _anew(prepared, path, folder)
    try:
        return _go_on(prepared, path, folder, journal)
    except BaseException:
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
        folder = staging.folder
        journal = _same_build(prepared, folder, journal_path(folder, out, options.state))
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


def _same_build(prepared: PreparedBuild, folder: Path, path: Path) -> Journal | None:
    """Return the journal of an unfinished build of the same; None if there is none of worth."""
    with _mendable(prepared, path):
        journal = Journal.open(path)
    if journal is None:
        return None
    try:
        with _mendable(prepared, path):
            kept = journal.count()
            # A build that had no time to note a row may have been ended by an image.
            differences = []
            if kept or _suspects(folder, journal):
                differences = _differences(prepared, journal)
                if not differences:
                    return journal
    except BaseException:
        journal.close()
        raise
    journal.close()
    if not kept:
        return None
    out = printable(prepared.out.name)
    lines = "\n".join(f"  {line}" for line in differences)
    raise OutputError(
        f"an unfinished build of {out} is another one, with {counted(kept, 'row')} done:\n{lines}\n"
        "To discard it, say --restart; or choose another --out."
    )


@contextmanager
def _mendable(prepared: PreparedBuild, path: Path) -> Iterator[None]:
    """Say how to go on without a journal that is damaged."""
    mend = f"Say --restart to build {printable(prepared.out.name)} anew, or choose another --out."
    try:
        yield
    except JournalError as error:
        raise JournalError(f"{error} {mend}") from error
    except ValueError as error:
        if isinstance(error, StreamcalibError):
            raise
        raise JournalError(
            f"the journal {printable(str(path))} is damaged: {error}. {mend}"
        ) from error


def _differences(prepared: PreparedBuild, journal: Journal) -> list[str]:
    before = Identity.from_dict(journal.facts().get("identity"))
    return before.differences(Identity.of(prepared))


def _suspects(folder: Path, journal: Journal) -> frozenset[int]:
    """Return the images that may have ended an earlier run."""
    marked = {mark.source for mark in read_marks(folder / MARKS_NAME) if mark.source is not None}
    bad = journal.failures().items()
    dangerous = {source for source, reason in bad if source >= 0 and is_dangerous(reason)}
    return frozenset(marked | dangerous)


def _anew(prepared: PreparedBuild, path: Path, folder: Path) -> Begun:
    store = _store(prepared, folder)
    clear(folder, path)
    try:
        note_place(folder, path)
        store.create()
        # Once the journal is there, so is the file that it speaks of.
        store.sync()
        sync(folder)
        journal = Journal.create(
            path,
            {"identity": Identity.of(prepared).to_dict(), "made_with": made_with(prepared)},
        )
    except BaseException:
        clear(folder, path)
        raise
    return Begun(store, journal, RowTable(store.rows), frozenset(), {})


def _go_on(prepared: PreparedBuild, path: Path, folder: Path, journal: Journal) -> Begun:
    store = _store(prepared, folder)
    table = RowTable(store.rows)
    columns = table.columns
    with _mendable(prepared, path):
        journal.load(columns)
        _check(columns[columns["done"] == 1])
    found = int(columns["done"].sum())
    facts = journal.facts()
    are_extremes_known = _load_extremes(table, facts)
    held = store.reopen()
    _undo(columns, journal, np.flatnonzero(columns["done"][held:]) + held)
    _undo(columns, journal, _too_large(prepared, columns))
    _undo(columns, journal, damaged_rows(store, columns, _sum_name(prepared)))
    changed = changed_sources(prepared.images, columns)
    before = dict(zip(changed.tolist(), columns["canvas_crc32c"][changed].tolist(), strict=True))
    _undo(columns, journal, changed)
    kept = int(columns["done"].sum())
    if len(changed) or not are_extremes_known:
        # What the old pictures alone held is no part of the set.
        table.low, table.high = extremes(store, np.flatnonzero(columns["done"]), prepared)
    makers = facts.get("made_with")
    if kept:
        made_before = makers if isinstance(makers, dict) else {}
        check_makers(prepared, columns, made_before, made_with(prepared))
    suspects = _suspects(folder, journal)
    journal.forget_failures()
    journal.write_facts({"made_with": made_with(prepared)})
    if found:
        _log.info("%s of %s kept%s", f"{kept:,}", counted(len(table), "row"), _loss(found - kept))
    return Begun(store, journal, table, suspects, before)


def _check(columns: NDArray[Any]) -> None:
    """Make sure that images are such as there can be; raises ``ValueError``."""
    sizes = (columns["height"], columns["width"])
    if any((size == 0).any() for size in sizes) or (columns["route"] >= len(ROUTES)).any():
        raise ValueError("it knows a row of an image that cannot be")


def _loss(lost: int) -> str:
    return f"; {counted(lost, 'row')} to be made again" if lost else ""


def _undo(columns: NDArray[Any], journal: Journal, rows: NDArray[np.int64]) -> None:
    if len(rows):
        journal.forget(rows)
        columns["done"][rows] = 0


def _too_large(prepared: PreparedBuild, columns: NDArray[Any]) -> NDArray[np.int64]:
    """Return the rows that are done of images beyond this run's limits."""
    pixels = columns["height"].astype(np.int64) * columns["width"]
    return np.flatnonzero((columns["done"] == 1) & (pixels > prepared.options.max_pixels))


def _load_extremes(table: RowTable, facts: dict[str, Any]) -> bool:
    """Take over the extremes of the rows that are done; False if they are not there."""
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        low, high = (np.array(facts[name], int) for name in ("low", "high"))
        both = np.array([low, high])
        if both.shape == (2, 3) and both.min() >= 0 and both.max() <= _WHITE:
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
