"""Which hashes are near an earlier one, of a hundred thousand in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from streamcalib.choosing.dedupe.hashes import Hashes

# Parts of a row that fit into the processor's cache.
_BLOCK = 2**15
_TOLD_ROWS = 1024


class Near(NamedTuple):
    """An image that is left out.

    Attributes
    ----------
    left_out, kept
        Indexes of the image, and of the first one that it is near to.
    distance
        In how many bits their pHashes differ.
    """

    left_out: int
    kept: int
    distance: int


def near_duplicates(
    hashes: Hashes, distance: int, on_rows: Callable[[int], None] = lambda _: None
) -> Iterator[Near]:
    """Yield every image that is near an earlier one which is kept, by the kept one.

    The first image is kept, and so is each that is further than ``distance`` from every image
    kept before it. So no two kept images are near each other, and chains of images, each a
    little different from the one before, are not left out as a whole. Bad images are kept.

    All are compared with all: a second for the square of each 20,000 to 60,000 images.

    Parameters
    ----------
    distance
        The most bits in which pHashes of near-duplicates differ, 0 to 64; dHashes, of twice as
        many bits, may differ in twice as many.
    on_rows
        Called with the number of images that have been compared with all.
    """
    known = np.flatnonzero(hashes.known)
    values = np.ascontiguousarray(hashes.values[known, 0])
    further = hashes.values[known, 1:]
    is_kept = np.ones(len(values), np.bool_)
    for row in range(len(values)):
        if row % _TOLD_ROWS == 0:
            on_rows(row)
        if not is_kept[row]:
            continue
        for start in range(row + 1, len(values), _BLOCK):
            bits = bit_counts(values[start : start + _BLOCK] ^ values[row])
            for at in np.flatnonzero((bits <= distance) & is_kept[start : start + _BLOCK]):
                near = start + at
                # Plain pictures, mostly sky, have like frequencies, but seldom like slopes too.
                if bit_counts(further[near] ^ further[row]).sum() <= 2 * distance:
                    is_kept[near] = False
                    yield Near(int(known[near]), int(known[row]), int(bits[at]))
    on_rows(len(hashes.values))


def _counted(values: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return how many bits are set in each value, by adding neighbouring fields of bits."""
    pairs = values - ((values >> np.uint64(1)) & np.uint64(0x5555555555555555))
    low, high = np.uint64(0x3333333333333333), np.uint64(2)
    fours = (pairs & low) + ((pairs >> high) & low)
    bytes_ = (fours + (fours >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    counts: NDArray[np.uint8] = ((bytes_ * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(
        np.uint8
    )
    return counts


# NumPy 1 has no such function.
bit_counts: Callable[[NDArray[np.uint64]], NDArray[np.uint8]] = getattr(
    np, "bitwise_count", _counted
)
