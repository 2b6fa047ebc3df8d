"""Going on where an earlier run of the same build ended, or beginning anew."""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.building.identity import Identity, made_with
from streamcalib.building.kept import changed_sources, check_makers, damaged_rows, extremes
from streamcalib.building.made import ROUTES
from streamcalib.building.rowtable import RowTable
from streamcalib.building.statefolder import (
    clear,
    make_folder,
    note_place,
)
from streamcalib.building.unfinished import same_build, suspects, ways_out
from streamcalib.durable import sync
from streamcalib.errors import JournalError, StreamcalibError
from streamcalib.journal import Journal
from streamcalib.opened import objects_of
from streamcalib.remotepath import RemotePath
from streamcalib.staging import (
    ROWS_NAME,
    SHARDS_NAME,
)
from streamcalib.stores.npy import NpyStore
from streamcalib.stores.zarr import ZarrStore
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.staging import Staging
    from streamcalib.stores.store import Store

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

    store: Store
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
    store = _store(prepared, folder)
    journal = None if prepared.options.restart else same_build(prepared, folder, path)
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


def _store(prepared: PreparedBuild, folder: Path) -> Store:
    plan = prepared.plan
    if plan.zarr is not None:
        out = prepared.out
        remote = isinstance(out, RemotePath)
        place = objects_of(out if remote else folder / SHARDS_NAME)
        return ZarrStore(objects=place, layout=plan.zarr)
    row_shape, dtype = plan.staged_row
    return NpyStore(path=folder / ROWS_NAME, rows=plan.rows, row_shape=row_shape, dtype=dtype)


def _anew(prepared: PreparedBuild, folder: Path, path: Path, store: Store) -> Begun:
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
    return Begun(store, journal, RowTable(store.rows), frozenset(), {})


def _go_on(prepared: PreparedBuild, folder: Path, store: Store, journal: Journal) -> Begun:
    table = RowTable(store.rows)
    columns = table.columns
    with ways_out(prepared):
        journal.load(columns)
        facts = journal.facts()
        _check_facts(columns)
    found = int(columns["done"].sum())
    held = store.reopen()
    changed = changed_sources(prepared.images, columns, prepared.confines)
    before = dict(zip(changed.tolist(), columns["canvas_crc32c"][changed].tolist(), strict=True))
    _undo(columns, journal, np.flatnonzero((columns["done"] == 1) & ~held))
    _undo(columns, journal, _too_large(prepared, columns))
    _undo(columns, journal, damaged_rows(store, columns, _sum_name(prepared)))
    _undo(columns, journal, changed)
    kept = int(columns["done"].sum())
    if kept < found or not _load_extremes(table, facts):
        # What the old pictures alone held is no part of the set.
        table.low, table.high = extremes(store, np.flatnonzero(columns["done"]), prepared)
    makers = facts.get("made_with")
    if kept:
        made_before = makers if isinstance(makers, dict) else {}
        check_makers(prepared, columns, made_before, made_with(prepared))
    marked = suspects(folder, journal)
    journal.forget_failures()
    journal.write_facts({"made_with": made_with(prepared)})
    if found:
        _log.info("%s of %s kept%s", f"{kept:,}", counted(len(table), "row"), _loss(found - kept))
    return Begun(store, journal, table, marked, before)


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
