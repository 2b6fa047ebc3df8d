"""A finished set that grows: its rows are copied into the longer one, each held to its checksum."""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.building.kept import channel_extremes, tell_damaged
from streamcalib.building.made import ROUTES, Made
from streamcalib.errors import SetError
from streamcalib.images.probing import probe_all
from streamcalib.manifest_rows import stored_checksums
from streamcalib.pixels.checksum import checksums
from streamcalib.progress import Counter
from streamcalib.rowfacts import COLUMNS
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.building.resume import Begun
    from streamcalib.calibset import CalibrationSet
    from streamcalib.images.stamp import Stamp
    from streamcalib.progress import Subscriber

_READ_BYTES = 2**25

_log = logging.getLogger(__name__)


def take_over_rows(
    prepared: PreparedBuild,
    found: CalibrationSet,
    begun: Begun,
    wrote: Callable[[NDArray[np.int64]], None],
    make_durable: Callable[[], None],
    notify: Subscriber,
) -> None:
    """Copy into a build's store those rows of a finished set whose images are what they were.

    A row that is damaged, or whose image has changed since, is left to be made again. ``wrote`` is
    told of rows that were written, which ``make_durable`` then brings to disk.

    Raises
    ------
    SetError
        If the set's records are damaged.
    OSError
        If a row cannot be written.
    """
    values, store = found.values(), begun.store
    made_at = found.made_ns
    records = found.row_records()
    counter = Counter("keep rows", len(found), store.row_bytes, notify)
    together = store.rows_together
    at_once = max(1, _READ_BYTES // (store.row_bytes * together)) * together
    kept = damaged = 0
    writer = store.writer(prepared.options.cache_window)
    for start in range(0, len(found), at_once):
        block = list(islice(records, at_once))
        stored, _ = values.stored.attempt(start, start + len(block))
        columns, wrong = _columns(prepared, block, stored, made_at, found)
        places = np.flatnonzero(columns["done"])
        kept, damaged = kept + len(places), damaged + wrong
        # Those of an earlier run that was interrupted are there already.
        places = places[begun.table.columns["done"][columns["source"][places]] == 0]
        with writer:
            for place in places.tolist():
                writer.write(int(columns["source"][place]), np.ascontiguousarray(stored[place]))
        wrote(columns["source"][places])
        _note(prepared, begun, columns[places], stored[places])
        values.forget(start, start + len(block))
        counter.reach(start + len(block))
        if begun.journal.is_due:
            begun.journal.commit(make_durable)
    begun.journal.commit(make_durable)
    if damaged:
        tell_damaged(damaged, printable(found.path.name))
    _log.info(
        "%s of %s of %s kept", f"{kept:,}", counted(len(found), "row"), printable(found.path.name)
    )


def _note(
    prepared: PreparedBuild, begun: Begun, columns: NDArray[Any], stored: NDArray[Any]
) -> None:
    if not len(columns):
        return
    low, high = channel_extremes(stored, prepared)
    rows = columns["source"].copy()
    table = begun.table
    table.record(Made(rows, columns, low.astype(np.uint8), high.astype(np.uint8)))
    begun.journal.note(rows, columns)
    begun.journal.note_facts({"low": table.low.tolist(), "high": table.high.tolist()})


def _columns(
    prepared: PreparedBuild,
    records: list[dict[str, Any]],
    stored: NDArray[Any],
    made_at: int,
    found: CalibrationSet,
) -> tuple[NDArray[Any], int]:
    """Return what is known of rows, and how many are damaged; ``done`` are those to keep."""
    columns = np.zeros(len(records), COLUMNS)
    sums = stored_checksums(records, found.manifest.store)
    intact = np.array(checksums(np.ascontiguousarray(stored)), np.uint32) == sums
    columns["row_crc32c"] = sums
    try:
        stamps = _stamps(prepared, records)
        for column, record, stamp in zip(columns, records, stamps, strict=True):
            _fill(column, record, prepared, made_at, stamp)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise SetError(
            f"the manifest's records of the rows of {printable(found.path.name)} are damaged: "
            f"{printable(str(error))}."
        ) from error
    wrong = int(np.count_nonzero((columns["done"] == 1) & ~intact))
    columns["done"] &= intact
    return columns, wrong


def _stamps(prepared: PreparedBuild, records: list[dict[str, Any]]) -> Iterator[Stamp | None]:
    """Yield what is known now of the records' images; None of those that are gone or not listed."""
    images = prepared.images
    rows = [record["list_row"] for record in records]
    listed = [row for row in rows if row is not None and 0 <= row < len(images)]
    stamps = probe_all([images.resolve(row) for row in listed])
    known = set(listed)
    return (next(stamps) if row in known else None for row in rows)


def _fill(
    column: Any,
    record: dict[str, Any],
    prepared: PreparedBuild,
    made_at: int,
    stamp: Stamp | None,
) -> None:
    """Fill in what is known of a row, and whether its image is what it was."""
    row = record["list_row"]
    # One that took a bad image's place is no image of the list.
    if row is None or record["decoded_by"] not in ROUTES:
        return
    if row < 0 or record["path"] != prepared.images[row]:
        raise ValueError(f"list_row {row} is not that of {record['path']}")
    if min(record["height"], record["width"]) < 1:
        raise ValueError(f"{record['path']} has no pixels")
    path, confines = prepared.images.resolve(row), prepared.confines
    if confines is not None and not confines.holds(path):
        return
    same = stamp is None or (stamp.bytes == record["bytes"] and stamp.changed_ns <= made_at)
    column["done"] = same
    column["source"], column["bytes"] = row, record["bytes"]
    column["stamp"] = 0 if stamp is None else stamp.number
    column["height"], column["width"] = record["height"], record["width"]
    column["canvas_crc32c"] = int(record["canvas_crc32c"], 16)
    column["route"] = ROUTES.index(record["decoded_by"])
