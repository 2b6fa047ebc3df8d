"""Which classes the rows of a set show, where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.choosing.labels.shares import class_shares
from streamcalib.images.places import as_base
from streamcalib.images.resolving import resolve

if TYPE_CHECKING:
    from streamcalib.calibset import CalibrationSet
    from streamcalib.choosing.labels.labels import Labels
    from streamcalib.choosing.labels.source import LabelSource

_MOST_CLASSES = 1000


class ClassShare(NamedTuple):
    """How often a class is seen.

    Attributes
    ----------
    name
        The class.
    rows
        How many rows show it.
    share
        Their part of all rows, 0 to 1; several classes may be seen in one.
    pool
        The same part of what the images were chosen from; None if it is not known.
    """

    name: str
    rows: int
    share: float
    pool: float | None


class Classes(NamedTuple):
    """The classes of a set.

    Attributes
    ----------
    source
        Where they are written down, for people.
    shares
        The thousand that most rows show, the most frequent first.
    known
        How many classes there are.
    without
        How many rows show none; None if it is not known.
    labels
        Those of every row, if they were read.
    listed
        How many images of the list are counted, where they are not the rows, since bad ones were
        left out or replaced; 0 if rows are counted.
    """

    source: str
    shares: list[ClassShare]
    known: int
    without: int | None
    labels: Labels | None
    listed: int = 0

    def of(self, row: int) -> tuple[str, ...]:
        """Return the classes of a row, as far as they are known."""
        return () if self.labels is None else self.labels.of(row)


def known_classes(calibration: CalibrationSet, source: LabelSource | None) -> Classes | None:
    """Return the classes of a set's rows: as labels have them, else as the choice noted them.

    Raises
    ------
    ListError
        If the labels cannot be read, or are those of other images.
    MissingExtraError
        If a package is needed for them and absent.
    """
    manifest = calibration.manifest
    noted = _noted(manifest.images["chosen"])
    if source is None:
        if noted is not None and manifest.failures:
            return noted._replace(listed=manifest.images["count"])
        return noted
    bases = tuple(map(as_base, manifest.images["bases"] or ["."]))
    labels = source.read([resolve(found["path"], bases) for found in calibration.row_records()])
    counted = class_shares(labels)
    pool = {share.name: share.pool for share in noted.shares} if noted else {}
    order = np.lexsort((np.arange(len(counted.counts)), -counted.counts)).tolist()
    shares = [
        ClassShare(
            counted.classes[index],
            int(counted.counts[index]),
            float(counted.shares[index]),
            pool.get(counted.classes[index]),
        )
        for index in order[:_MOST_CLASSES]
    ]
    return Classes(str(source), shares, len(order), counted.without, labels)


def _noted(chosen: dict[str, Any]) -> Classes | None:
    """Return what a stratified choice wrote down of the images that it chose."""
    found = chosen.get("class_shares")
    shares = found.get("shares") if isinstance(found, dict) else None
    if not isinstance(shares, list) or not all(map(_is_share, shares)):
        return None
    taken = [
        ClassShare(one["class"], one["chosen_images"], one["chosen"], one["pool"])
        for one in shares[:_MOST_CLASSES]
    ]
    taken.sort(key=lambda one: -one.rows)
    return Classes(f"{chosen.get('labels')}, when they were chosen", taken, len(taken), None, None)


def _is_share(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(one.get("class"), str)
        and type(one.get("chosen_images")) is int
        and all(
            isinstance(one.get(name), int | float) and 0 <= one[name] <= 1
            for name in ("chosen", "pool")
        )
    )
