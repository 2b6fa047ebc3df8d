"""One pass over a set: everything that its page tells of the rows."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from streamcalib.ahead import done_ahead
from streamcalib.choosing.dedupe.hashes import Hashes
from streamcalib.report.canvases import CanvasReader
from streamcalib.report.facts import RowFacts
from streamcalib.report.histogram import Histogram, RatioHistogram
from streamcalib.report.marks import MarkedRows, marks_of
from streamcalib.report.measuring import LEVELS, Measured, channel_names, level_counts, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from streamcalib.calibset import CalibrationSet
    from streamcalib.report.likeness import Likeness
    from streamcalib.report.thumbnails import Thumbnails

_BRIGHTNESS_WIDTH = 8.0
_PADDING_WIDTH = 0.05
_SIZES_AN_OCTAVE = 8
_ASPECTS_AN_OCTAVE = 12


@dataclass
class ShownRow:
    """A row of the contact sheet.

    Attributes
    ----------
    facts
        Its number and source.
    measured
        Its picture in numbers; None if the row is damaged.
    picture
        A small WebP file; None if the row is damaged.
    marks
        What is odd about it; see `MARKS`.
    fault
        What is wrong with it, or empty.
    """

    facts: RowFacts
    measured: Measured | None
    picture: bytes | None
    marks: list[str]
    fault: str


@dataclass
class Survey:
    """What was found of the rows.

    Attributes
    ----------
    rows
        How many there are.
    thumbnails
        What the pictures were made by.
    counts
        How often each value 0..255 stands in each channel of all pictures: (C, 256).
    brightness, sizes, aspects, paddings
        Of each row: mean luma, pixels of its image, width over height, share of padding.
    marked
        Rows to look at.
    shown
        The rows of the contact sheet.
    hashes
        Perceptual hashes of all rows; those of damaged and flat ones are not known.
    paths
        The images of rows that are like another one.
    """

    rows: int
    thumbnails: Thumbnails
    counts: NDArray[np.int64]
    hashes: Hashes
    brightness: Histogram = field(default_factory=lambda: Histogram(_BRIGHTNESS_WIDTH, LEVELS))
    sizes: Histogram = field(default_factory=lambda: RatioHistogram(_SIZES_AN_OCTAVE))
    aspects: Histogram = field(default_factory=lambda: RatioHistogram(_ASPECTS_AN_OCTAVE))
    paddings: Histogram = field(default_factory=lambda: Histogram(_PADDING_WIDTH, 1.0))
    marked: MarkedRows = field(default_factory=MarkedRows)
    shown: list[ShownRow] = field(default_factory=list)
    paths: dict[int, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, rows: int, thumbnails: Thumbnails, channels: int) -> Self:
        """Return one of so many rows and channels, none of which were looked at so far."""
        hashes = Hashes(np.zeros((rows, 3), np.uint64), np.zeros(rows, np.bool_))
        return cls(rows, thumbnails, np.zeros((channels, LEVELS), np.int64), hashes)

    @property
    def padding_share(self) -> float:
        """Padding among all pixels, 0 to 1."""
        return self.paddings.mean

    def add(self, look: Look, facts: RowFacts) -> None:
        """Take in what was found of a row."""
        if facts.is_sized:
            self.sizes.add(facts.height * facts.width)
            self.aspects.add(facts.aspect)
        self.paddings.add(facts.padding_share)
        marks = ["damaged"]
        if look.measured is not None:
            self.brightness.add(look.measured.brightness)
            self.counts += look.counts
            marks = marks_of(facts, look.measured)
            self.hashes.values[facts.row] = np.frombuffer(look.measured.hashes, "<u8")
            # What shows next to nothing is like everything that does.
            self.hashes.known[facts.row] = not {"constant", "flat"}.intersection(marks)
        for mark in marks:
            self.marked.add(mark, facts, look.fault)
        if look.is_shown:
            self.shown.append(ShownRow(facts, look.measured, look.picture, marks, look.fault))

    def mark_likeness(self, found: Likeness, calibration: CalibrationSet) -> None:
        """Mark the rows that are like another one, and keep the names of their images."""
        repeated = {row for group in found.repeated for row in group}
        kinds = (("repeated", repeated), ("alike", found.rows_alike))
        for row in self.shown:
            row.marks += [mark for mark, rows in kinds if row.facts.row in rows]
        if not repeated | found.rows_alike:
            return
        for number, record in enumerate(calibration.row_records()):
            for mark, rows in kinds:
                if number in rows:
                    facts = RowFacts.of(number, record, calibration.recipe)
                    self.marked.add(mark, facts)
                    self.paths[number] = facts.path


class Look(NamedTuple):
    """What was found of one row; ``fault`` is what is wrong with it, or empty."""

    is_shown: bool
    measured: Measured | None
    counts: NDArray[np.int64]
    picture: bytes | None
    fault: str


def survey(
    calibration: CalibrationSet,
    shown: frozenset[int],
    thumbnails: Thumbnails,
    jobs: int,
    on_rows: Callable[[int], None],
) -> Survey:
    """Look at every row once, in ``jobs`` threads.

    Parameters
    ----------
    calibration
        The set.
    shown, thumbnails
        The rows to make pictures of, and what makes them.
    on_rows
        Called with the number of rows done so far.

    Raises
    ------
    SetError
        If the manifest's records of rows are damaged.
    OSError
        If the set cannot be read.
    """
    recipe, names = calibration.recipe, channel_names(calibration.recipe)
    none = np.zeros((len(names), LEVELS), np.int64)
    found = Survey.empty(len(calibration), thumbnails, len(names))
    records = enumerate(calibration.row_records())
    reader = CanvasReader(calibration)

    def look(facts: list[RowFacts]) -> list[Look]:
        looks = []
        for one, canvas in zip(facts, reader.read(facts[0].row), strict=True):
            is_shown = one.row in shown
            if isinstance(canvas, str):
                looks.append(Look(is_shown, None, none, None, canvas))
                continue
            small = thumbnails.make(canvas) if is_shown else None
            picture = one.picture(canvas)
            counts = level_counts(picture)
            looks.append(Look(is_shown, measure(picture, counts, names), counts, small, ""))
        return looks

    def parts() -> Iterator[list[RowFacts]]:
        while part := list(islice(records, reader.part_rows)):
            yield [RowFacts.of(row, record, recipe) for row, record in part]

    done = 0
    for facts, looks in done_ahead(parts(), look, jobs):
        for one, seen in zip(facts, looks, strict=True):
            found.add(seen, one)
        done += len(facts)
        on_rows(done)
    return found


def evenly(rows: int, count: int, seed: int) -> frozenset[int]:
    """Choose ``count`` rows of so many: one at random of each of as many equal stretches."""
    if count >= rows:
        return frozenset(range(rows))
    # Not for secrets.
    generator = random.Random(seed)  # noqa: S311
    edges = [number * rows // count for number in range(count + 1)]
    return frozenset(generator.randrange(first, last) for first, last in pairwise(edges))
