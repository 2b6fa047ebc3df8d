"""Rows that hold the same picture as another one, or nearly so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamcalib.choosing.dedupe.distinct import DEFAULT_DISTANCE
from streamcalib.choosing.dedupe.grouping import near_duplicates
from streamcalib.choosing.dedupe.hashes import Hashes
from streamcalib.choosing.dedupe.hashing import grey_hash
from streamcalib.manifest_rows import stored_checksums
from streamcalib.progress import Counter
from streamcalib.report.shrinking import halved
from streamcalib.verifying.scan import equal_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.calibset import CalibrationSet
    from streamcalib.progress import Subscriber

MOST_COMPARED = 200_000
"""All are compared with all, so in larger sets near-duplicates are not looked for."""

_MOST_PAIRS = 1000
_SIDE = 64


class Alike(NamedTuple):
    """A row that nearly holds the picture of an earlier one.

    Attributes
    ----------
    row, first
        It, and the earlier one.
    bits
        In how many of 64 bits their pHashes differ.
    """

    row: int
    first: int
    bits: int


class Likeness(NamedTuple):
    """Which rows are like each other.

    Attributes
    ----------
    repeated
        Groups of two and more rows that hold the same, each ascending, by their first row.
    alike
        The first thousand that nearly hold the picture of an earlier one, and not the same.
    rows_alike
        All rows that are nearly like another one, earlier or later.
    is_compared
        Whether near-duplicates were looked for.
    """

    repeated: list[tuple[int, ...]]
    alike: list[Alike]
    rows_alike: frozenset[int]
    is_compared: bool


def hashes_of(picture: NDArray[np.uint8], weights: NDArray[np.float64]) -> bytes:
    """Return the perceptual hashes of a picture (C, H, W), whose channels make grey so."""
    small = np.stack([halved(plane, _SIDE) for plane in picture])
    grey = np.tensordot(weights, small, axes=1)
    return grey_hash(grey.round().astype(np.uint8))


def likeness(calibration: CalibrationSet, hashes: Hashes, notify: Subscriber) -> Likeness:
    """Compare all rows: by their checksums, then byte for byte; and by their hashes.

    Raises ``OSError``.
    """
    sums = stored_checksums(calibration.row_records(), calibration.manifest.store)
    repeated = list(equal_rows(calibration.values(), np.arange(len(sums)), sums))
    if len(sums) > MOST_COMPARED:
        return Likeness(repeated, [], frozenset(), False)
    # Of rows that hold the same, the first stands for all.
    further = [row for group in repeated for row in group[1:]]
    known = hashes.known.copy()
    known[further] = False
    pairs: list[Alike] = []
    rows: set[int] = set()
    counter = Counter("compare", len(sums), 0, notify, unit="images")
    for near in near_duplicates(Hashes(hashes.values, known), DEFAULT_DISTANCE, counter.reach):
        rows |= {near.left_out, near.kept}
        if len(pairs) < _MOST_PAIRS:
            pairs.append(Alike(near.left_out, near.kept, near.distance))
    return Likeness(repeated, sorted(pairs), frozenset(rows), True)
