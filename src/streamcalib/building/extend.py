"""A finished set that grows: its rows are copied into the longer one, each held to its checksum."""

from __future__ import annotations

import logging
import os
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.building.kept import channel_extremes
from streamcalib.building.made import ROUTES, Made
from streamcalib.journal import COLUMNS
from streamcalib.manifest_rows import stored_checksums
from streamcalib.pixels.checksum import checksums
from streamcalib.progress import Counter
from streamcalib.stores.writeback import WriteBehind
from streamcalib.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.building.resume import Begun
    from streamcalib.calibset import CalibrationSet
    from streamcalib.progress import Subscriber

_READ_BYTES = 2**25

_log = logging.getLogger(__name__)


def take_over_rows(
    prepared: PreparedBuild,
    found: CalibrationSet,
    begun: Begun,
    make_durable: Callable[[], None],
    notify: Subscriber,
) -> None:
    """Copy into a build's store those rows of a finished set whose images are what they were.

    A row that is damaged, or whose image has changed since, is left to be made again.

    Raises
    ------
    SetError
        If the set's records are damaged.
    OSError
        If a row cannot be written.
    """
    values, store = found.values(), begun.store
    made_at = found.path.stat().st_mtime_ns
    records = found.row_records()
    counter = Counter("keep rows", len(found), store.row_bytes, notify)
    at_once = max(1, _READ_BYTES // store.row_bytes)
    behind = WriteBehind(prepared.options.cache_window)
    copied = 0
    with store.writer(behind) as writer:
        for start in range(0, len(found), at_once):
            block = list(islice(records, at_once))
            stored = values.stored(start, start + len(block))
            columns = _columns(prepared, block, stored, made_at, found)
            places = np.flatnonzero(columns["done"])
            # Those of an earlier run that was interrupted are there already.
            places = places[begun.table.columns["done"][columns["source"][places]] == 0]
            for place in places.tolist():
                writer.write(int(columns["source"][place]), np.ascontiguousarray(stored[place]))
            _note(prepared, begun, columns[places], stored[places])
            copied += len(places)
            values.forget(start, start + len(block))
            counter.reach(start + len(block))
            if begun.journal.is_due:
                begun.journal.commit(make_durable)
    begun.journal.commit(make_durable)
    _log.info("%s of %s kept", f"{copied:,}", counted(len(found), "row"))


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
) -> NDArray[Any]:
    """Return what is known of rows; ``done`` are those that can be kept."""
    columns = np.zeros(len(records), COLUMNS)
    sums = stored_checksums(records, found.manifest.store)
    columns["done"] = np.array(checksums(np.ascontiguousarray(stored)), np.uint32) == sums
    columns["row_crc32c"] = sums
    for column, record in zip(columns, records, strict=True):
        # One that took a bad image's place is no image of the list.
        row = record["list_row"]
        if row is None or record["decoded_by"] not in ROUTES:
            column["done"] = 0
            continue
        path = prepared.images.resolve(row)
        if prepared.confines is not None and not prepared.confines.holds(path):
            column["done"] = 0
        status = _status(path)
        size, changed = record["bytes"], 0
        if status is not None:
            changed = status.st_mtime_ns
            if status.st_size != size or changed > made_at:
                column["done"] = 0
        column["source"], column["bytes"], column["mtime_ns"] = row, size, changed
        column["height"], column["width"] = record["height"], record["width"]
        column["canvas_crc32c"] = int(record["canvas_crc32c"], 16)
        column["route"] = ROUTES.index(record["decoded_by"])
    return columns


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
