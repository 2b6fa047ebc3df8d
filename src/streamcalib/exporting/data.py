"""An export that writes a set's rows: checked, written in order, published whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np

from streamcalib.amounts import load_bytes, too_few
from streamcalib.exporting.container import Rowset
from streamcalib.exporting.place import check_place, held_bytes, is_made, publish_export
from streamcalib.exporting.record import index_line, rows_digest, to_record
from streamcalib.exporting.values import WrittenRows
from streamcalib.finalizing.order import chosen_rows
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.plan import check_space
from streamcalib.progress import Counter
from streamcalib.publish import free_bytes
from streamcalib.staging import EXPORT_NAME, staging_folder
from streamcalib.streamed import Manner, in_order
from streamcalib.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.container import Container, ContainerWriter
    from streamcalib.exporting.options import ExportOptions
    from streamcalib.progress import Subscriber
    from streamcalib.recipe import Recipe

_SIDE_BYTES_PER_ROW = 300
_SIDE_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class DataExport:
    """Rows of a set in a container that a consumer reads; see `Export`.

    Attributes
    ----------
    target
        The consumer.
    source, out, rows
        The set, the file or folder to write, and how many of its rows.
    recipe
        What the written values are.
    container
        What they are written into.
    lines
        What to put where.
    warnings
        What is allowed and likely wrong.
    free_bytes
        Free space on the output's volume.
    is_complete
        Whether it is there already.
    wanted
        What decides on its bytes, as its record has it.
    jobs, window_bytes
        Number of threads, and what may be held of it in the page cache.
    """

    target: str
    source: CalibrationSet
    out: Path
    rows: int
    recipe: Recipe
    container: Container
    lines: Mapping[str, str]
    warnings: tuple[str, ...]
    free_bytes: int | None
    is_complete: bool
    wanted: Mapping[str, Any]
    jobs: int
    window_bytes: int

    @property
    def rowset(self) -> Rowset:
        """What is written."""
        return Rowset(self.rows, self.recipe.row_shape, np.dtype(self.recipe.dtype))

    @property
    def shown(self) -> str:
        """What is written, in words."""
        return self.container.shown(self.rowset)

    @property
    def data_bytes(self) -> int:
        """Size of all files together, in bytes; before compression."""
        return self.container.data_bytes(self.rowset)

    @property
    def load_bytes(self) -> int | None:
        """What the consumer holds of the rows in memory, in bytes."""
        return load_bytes(self.target, self.rows, self.rowset.row_bytes)

    def write(self, notify: Subscriber) -> None:
        """Write and publish it; see `Export.write`."""
        if self.is_complete:
            return
        values = WrittenRows(self.source, self.recipe, self.rows)
        counter = Counter(f"write for {self.target}", self.rows, values.row_bytes, notify)
        manner = Manner(jobs=self.jobs, window_bytes=self.window_bytes, on_rows=counter.reach)
        with staging_folder(self.out) as staging, one_opencv_thread():
            staged, index = staging / EXPORT_NAME, staging / "rows.jsonl"
            writer = self.container.open(staged, self.rowset, self.window_bytes)
            try:
                self._write_rows(values, writer, manner, index)
                writer.close()
            except BaseException:
                writer.abandon()
                raise
            publish_export(staged, self.out, self._record(held_bytes(staged)), index)

    def _write_rows(
        self, values: WrittenRows, writer: ContainerWriter, manner: Manner, index: Path
    ) -> None:
        records = islice(self.source.row_records(), self.rows)
        number = 0
        with index.open("wb") as lines:
            for part, sums in in_order(values, manner):
                for row, crc in zip(part, sums, strict=True):
                    image = next(records)["path"]
                    place = writer.write(row, image)
                    if not self.container.is_folder:
                        place = place._replace(file=self.out.name)
                    lines.write(index_line(place, number, image, crc))
                    number += 1

    def _record(self, size: int | None) -> str:
        made = {
            "set": str(self.source.path),
            "set_recipe": self.source.recipe.to_dict(),
            "lines": dict(self.lines),
            "bytes": size,
            "streamcalib": __version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        return to_record(self.wanted, made)


def plan_data(
    target: str,
    source: CalibrationSet,
    out: Path,
    options: ExportOptions,
    *,
    recipe: Recipe,
    container: Container,
    lines: Mapping[str, str],
    warnings: tuple[str, ...] = (),
    rows: int | None = None,
    takes_extras: bool = False,
) -> DataExport:
    """Check an export of rows; nothing is written.

    Parameters
    ----------
    target, source, out, options
        The consumer, the set, where it goes, and what was asked.
    recipe, container, lines, warnings
        As in `DataExport`.
    rows
        How many; by default as asked.
    takes_extras
        Whether the container holds the model's further inputs, too.

    Raises
    ------
    InputError
        If the values cannot be had, something is in the way, or the disk is too small.
    """
    count = chosen_rows(source, options.rows) if rows is None else rows
    # Refuses what cannot be written before a byte is.
    WrittenRows(source, recipe, count)
    wanted = {
        "target": target,
        "rows": count,
        "rows_sha256": rows_digest(source, count),
        "recipe": recipe.to_dict(),
        **container.facts,
    }
    complete = is_made(out, wanted)
    few = too_few(target, count), None if takes_extras else _left_out(source)
    export = DataExport(
        target=target,
        source=source,
        out=out,
        rows=count,
        recipe=recipe,
        container=container,
        lines=lines,
        warnings=(*filter(None, few), *warnings),
        free_bytes=free_bytes(out, complete),
        is_complete=complete,
        wanted=wanted,
        jobs=int(joblib.cpu_count()) if options.jobs is None else options.jobs,
        window_bytes=options.cache_window,
    )
    if not complete:
        _check_room(export, options.overwrite)
    return export


def _check_room(export: DataExport, overwrite: bool) -> None:
    """Make sure that an export may stand in its place, and that the disk holds it."""
    container = export.container
    check_place(
        export.out,
        is_folder=container.is_folder,
        overwrite=overwrite,
        is_entry=container.is_entry,
    )
    needed = export.data_bytes + _SIDE_BYTES + export.rows * _SIDE_BYTES_PER_ROW
    check_space(needed, export.free_bytes, export.rows)


def _left_out(source: CalibrationSet) -> str | None:
    if not source.extra_inputs:
        return None
    names = ", ".join(repr(name) for name in sorted(source.extra_inputs))
    return (
        f"the model's further inputs are not in it: {names}. Give them to the tool by other means."
    )
