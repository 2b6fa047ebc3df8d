"""Counts of values in bins, in memory that does not grow with them."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

_MOST_BARS = 48
_OCTAVES = 40


class Bar(NamedTuple):
    """A bin: values from ``low`` up to ``high``, and how many there were."""

    low: float
    high: float
    rows: int


class Histogram:
    """Counts values; bins are of equal width, or of equal ratio.

    Parameters
    ----------
    width
        Width of a bin.
    most
        The last bin ends here, and holds what lies above, too.
    """

    def __init__(self, width: float, most: float) -> None:
        self._width, self._last = width, math.ceil(most / width) - 1
        self._counts: Counter[int] = Counter()
        self._sum = 0.0
        self.least, self.greatest = math.inf, -math.inf

    def add(self, value: float) -> None:
        """Count a value, at least 0."""
        self._counts[self._bin(value)] += 1
        self._sum += value
        self.least, self.greatest = min(self.least, value), max(self.greatest, value)

    def _bin(self, value: float) -> int:
        return min(self._last, int(value / self._width))

    def _edge(self, number: int) -> float:
        return number * self._width

    @property
    def count(self) -> int:
        """How many values there were."""
        return self._counts.total()

    @property
    def mean(self) -> float:
        """Of all values; there is at least one."""
        return self._sum / self.count

    def bars(self) -> list[Bar]:
        """Return the bins from the first to the last that holds something.

        Where there are many, neighbours are put together.
        """
        if not self._counts:
            return []
        first, last = min(self._counts), max(self._counts)
        step = math.ceil((last + 1 - first) / _MOST_BARS)
        first -= first % step
        return [
            Bar(
                self._edge(start),
                self._edge(start + step),
                sum(self._counts[number] for number in range(start, start + step)),
            )
            for start in range(first, last + 1, step)
        ]


class RatioHistogram(Histogram):
    """Counts values above 0 in bins whose ends have the same ratio.

    Parameters
    ----------
    an_octave
        Number of bins from a value to its double.
    """

    def __init__(self, an_octave: int) -> None:
        super().__init__(1 / an_octave, _OCTAVES)
        self._an_octave = an_octave

    def _bin(self, value: float) -> int:
        # A hair above, so that 1 and 2 begin bins of their own.
        exact = math.log2(value) * self._an_octave + 1e-9
        return min(self._last, max(-self._last, math.floor(exact)))

    def _edge(self, number: int) -> float:
        return float(2.0 ** (number / self._an_octave))
