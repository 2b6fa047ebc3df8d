"""Every row of a set against its checksum and the recipe's range, at the speed of reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamcalib.ahead import done_ahead
from streamcalib.pixels.checksum import checksums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from numpy.typing import NDArray

    from streamcalib.values import RowValues

_PART_BYTES = 16 * 2**20


class Scan(NamedTuple):
    """What was found of the rows as stored.

    Attributes
    ----------
    faults
        What is wrong, by row.
    constant
        Rows all of whose values are the same, ascending.
    equal
        Groups of two and more rows that hold the same, each ascending, by their first row.
    """

    faults: dict[int, str]
    constant: tuple[int, ...]
    equal: tuple[tuple[int, ...], ...]


def scan(
    values: RowValues,
    expected: NDArray[np.uint32],
    value_range: tuple[float, float],
    jobs: int,
    on_rows: Callable[[int], None],
) -> Scan:
    """Read all rows once, in ``jobs`` threads.

    Parameters
    ----------
    values
        The set's rows.
    expected
        The recorded checksum of every row as stored, (N,).
    value_range
        Lowest and highest value that a stored row may hold.
    on_rows
        Called with the number of rows read so far.
    """
    faults: dict[int, str] = {}
    constant: list[int] = []
    unreadable: set[int] = set()
    sums = np.empty(len(values), np.uint32)
    for start, found in _parts(values, jobs):
        stop = start + len(found.sums)
        sums[start:stop] = found.sums
        recorded = expected[start:stop].tolist()
        faults |= found.unreadable
        unreadable |= found.unreadable.keys()
        for row, (have, want) in enumerate(zip(found.sums, recorded, strict=True), start):
            if have != want and row not in faults:
                faults[row] = f"its CRC-32C is {have:08x}, and {want:08x} was recorded"
        for row, (low, high) in enumerate(found.extremes, start):
            if row in found.unreadable:
                continue
            if wrong := out_of_range(low, high, value_range):
                faults.setdefault(row, wrong)
            elif low == high:
                constant.append(row)
        on_rows(stop)
    whole = np.setdiff1d(np.arange(len(values)), sorted(unreadable))
    return Scan(faults, tuple(constant), tuple(equal_rows(values, whole, sums[whole])))


class _Part(NamedTuple):
    sums: list[int]
    extremes: list[tuple[float, float]]
    unreadable: dict[int, str]


def _parts(values: RowValues, jobs: int) -> Iterator[tuple[int, _Part]]:
    """Return what is found of parts, in order; some are read ahead."""

    def read(start: int) -> _Part:
        rows, unreadable = values.stored.attempt(start, start + step)
        flat = rows.reshape(len(rows), -1)
        lows, highs = flat.min(axis=1).tolist(), flat.max(axis=1).tolist()
        part = _Part(checksums(rows), list(zip(lows, highs, strict=True)), unreadable)
        values.forget(start, start + step)
        return part

    step = max(1, _PART_BYTES // values.stored.row_bytes)
    return done_ahead(range(0, len(values), step), read, jobs)


def out_of_range(low: float, high: float, value_range: tuple[float, float]) -> str:
    """Say what is wrong with a row's extremes; NaN is passed on by minimum and maximum."""
    if not np.isfinite([low, high]).all():
        return "it holds NaN or infinity"
    if low < value_range[0] or high > value_range[1]:
        return (
            f"it holds values of {low:g} to {high:g}, and the recipe gives "
            f"{value_range[0]:g} to {value_range[1]:g}"
        )
    return ""


def equal_rows(
    values: RowValues, rows: NDArray[np.int64], sums: NDArray[np.uint32]
) -> Iterator[tuple[int, ...]]:
    """Yield groups of ``rows`` that hold the same bytes, which checksums alone do not prove."""
    order = np.argsort(sums, kind="stable")
    edges = np.flatnonzero(np.diff(sums[order])) + 1
    groups = [group.tolist() for group in np.split(rows[order], edges) if len(group) > 1]
    for group in sorted(groups):
        left = group
        while len(left) > 1:
            first = _bytes(values, left[0])
            same = [row for row in left if np.array_equal(first, _bytes(values, row))]
            if len(same) > 1:
                yield tuple(same)
            left = [row for row in left if row not in set(same)]


def _bytes(values: RowValues, row: int) -> NDArray[Any]:
    return values.stored.attempt(row, row + 1)[0].reshape(-1).view(np.uint8)
