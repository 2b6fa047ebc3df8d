"""What a scaling run measures: workers of which kind, how many, of how many rows, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.builds import Store

Arrangement = Literal["loky", "threading", "crossed"]

DECODING = "bare decoding"
TITLES: dict[Store, str] = {"uint8": "uint8", "final": "float32"}
THREADS = 4


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What is measured.

    Attributes
    ----------
    jobs
        Numbers of workers, ascending.
    rows
        Rows of a uint8 build for each of its workers; a float32 build has half of them.
    most_rows
        Rows of a uint8 build by threads, or to a disk, at most; a float32 build has half of them.
    places
        Folders of outputs, by what they are called.
    arrangements
        ``loky``, ``threading``, and ``crossed``: processes of four threads each.
    """

    jobs: tuple[int, ...]
    rows: int
    most_rows: int
    places: dict[str, Path]
    arrangements: tuple[Arrangement, ...]

    def rows_of(self, what: Arrangement, store: Store, place: str, jobs: int) -> int:
        """Return how many rows a build is to have."""
        scales = place == "memory" and what != "threading"
        rows = self.rows * jobs if scales else min(self.rows * jobs, self.most_rows)
        return max(1, rows // (1 if store == "uint8" else 2))

    def has(self, what: Arrangement, jobs: int) -> bool:
        """Whether an arrangement is measured with so many workers.

        A single worker is the build's own thread, whatever it is called, and is measured once.
        """
        if what == "threading" and "loky" in self.arrangements:
            return jobs > 1
        return what != "crossed" or jobs >= THREADS


def name(what: str, store: Store, place: str, jobs: int) -> str:
    """Return the name of a contestant."""
    return f"{what}, {TITLES[store]}, {place}, {jobs}"
