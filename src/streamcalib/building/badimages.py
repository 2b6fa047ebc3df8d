"""What becomes of a set when some of its images are bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamcalib.building.rowtable import RowTable
    from streamcalib.errors import Failure
    from streamcalib.stores.store import Store


def close_holes(store: Store, table: RowTable) -> Store:
    """Fill the rows that are not done with the last good ones, and shorten store and table.

    A few bad images cost a few rows whatever the size. The first hole gets the last good row, and
    so on, so that the outcome depends on nothing but which images are bad.
    """
    holes = table.open_rows
    rows = len(table) - len(holes)
    open_rows = set(holes)
    good_at_end = [row for row in range(len(table) - 1, rows - 1, -1) if row not in open_rows]
    # The rows to fill and the good ones behind the new end are equally many, by counting.
    filled = holes[: len(good_at_end)]
    store.move(good_at_end, filled)
    for hole, last in zip(filled, good_at_end, strict=True):
        table.move(last, hole)
    table.shorten(rows)
    return store.shorten(rows)


def stop_message(failures: Sequence[Failure], images: int, ending: str) -> str:
    """Return the message that names every bad image with its reason, ended by what to do."""
    count = f"{len(failures)} of {images} images {'is' if len(failures) == 1 else 'are'} bad"
    return f"{count}:\n{describe(failures)}\n{ending}"


def describe(failures: Sequence[Failure]) -> str:
    """Return one line for each bad image."""
    return "\n".join(
        f"  {printable(failure.path)}: {printable(failure.reason)}" for failure in failures
    )
