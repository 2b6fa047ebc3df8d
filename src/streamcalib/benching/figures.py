"""What a verdict is made of: a bench's medians, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

CLEARLY_FASTER = 1.1
"""Smaller ratios are not spoken of: a second measurement would not confirm them."""

_LARGE_START = 0.25
# Of a build's time, however long its workers seem to start: times differ from run to run.
_LEAST_RUNNING = 0.1
_MOSTLY = 0.5


class Figures(NamedTuple):
    """What a verdict is made of.

    Attributes
    ----------
    rates
        Images a second of every step and build, at every number of workers. There are ``read``,
        ``decode``, ``letterbox``, ``write_final`` and ``build_final``; where stores differ also
        ``encode``, ``write_uint8`` and ``build_uint8``.
    row_bytes
        Bytes that a step or build writes for an image.
    start_seconds
        How long workers took to start, by their number.
    images
        How many images a build was measured with.
    cores
        How many this process may use.
    spread
        Of decoding at the most workers: largest less smallest rate, as a share of the median.
    cores_busy
        How many cores the most workers kept busy with each step; they waited the rest of the time.
    window_bytes
        What workers may hold of their output in the page cache.
    in_memory
        Whether the output's file system is one in memory.
    """

    rates: Mapping[str, Mapping[int, float]]
    row_bytes: Mapping[str, int]
    start_seconds: Mapping[int, float]
    images: int
    cores: int
    spread: float
    cores_busy: Mapping[str, float]
    window_bytes: int
    in_memory: bool

    @property
    def jobs(self) -> int:
        """The largest number of workers."""
        return max(self.rates["decode"])

    @property
    def at_work(self) -> int:
        """How many of the most workers can be at work at once."""
        return min(self.jobs, self.cores)

    @property
    def stores(self) -> list[str]:
        """The stores that were measured."""
        return [store for store in ("final", "uint8") if f"build_{store}" in self.rates]

    def at_most(self, name: str) -> float:
        """Return a rate at the largest number of workers."""
        return self.rates[name][self.jobs]

    def running(self, name: str) -> dict[int, float]:
        """Return the rates of a build once its workers have started, by their number."""
        rates = {}
        for jobs, rate in self.rates[name].items():
            seconds = self.images / rate
            running = max(seconds - self.start_seconds[jobs], _LEAST_RUNNING * seconds)
            rates[jobs] = self.images / running
        return rates

    @property
    def shortest_build_seconds(self) -> float:
        """How long the fastest build took at the most workers; most of it is its start."""
        return self.images / max(self.at_most(f"build_{store}") for store in self.stores)

    @property
    def is_mostly_start(self) -> bool:
        """Whether the start of workers is so much of a build that the rest is hard to tell."""
        return self.start_seconds[self.jobs] >= _LARGE_START * self.shortest_build_seconds

    def fits_window(self, store: str) -> bool:
        """Return whether all that was written need not have met the disk until it was flushed."""
        return self.images * self.row_bytes[f"write_{store}"] <= self.window_bytes

    def copying_is_work(self, store: str) -> bool:
        """Return whether workers that wrote were busy most of the time, and seldom waited."""
        return self.cores_busy.get(f"write_{store}", 0.0) > _MOSTLY * self.at_work
