"""A worker's whole life: read bytes, decode, letterbox, encode, write the row, report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2

from streamcalib.errors import ImageError, StoppedError
from streamcalib.images.reading import read_image
from streamcalib.pixels.row import RowFacts, RowMaker
from streamcalib.pixels.turbo import DecoderName, find_decoder
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from streamcalib.recipe import Recipe
    from streamcalib.stores.npy import NpyStore


class Item(NamedTuple):
    """One image to make: its row, the index of its source, and its path as listed."""

    row: int
    source: int
    entry: str


class Report(NamedTuple):
    """What became of an `Item`: its facts, or the reason why it is bad."""

    item: Item
    source_bytes: int
    facts: RowFacts | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every task of a build has in common; small, and sent to workers by value.

    Attributes
    ----------
    store
        Where rows go; None only tries the images.
    own_process
        Whether workers are processes of their own, in which OpenCV's threads are held at one.
    """

    recipe: Recipe
    store: NpyStore | None
    bases: tuple[Path, ...]
    decoder: DecoderName
    max_pixels: int
    tolerate_damage: bool
    own_process: bool


def make_rows(work: Work, items: Sequence[Item]) -> list[Report]:
    """Make the rows of ``items`` and return a report for each, in order.

    Raises
    ------
    StoppedError
        If a row cannot be written.
    """
    if work.own_process:
        cv2.setNumThreads(1)
    maker = RowMaker(
        work.recipe,
        find_decoder(work.decoder),
        max_pixels=work.max_pixels,
        tolerate_damage=work.tolerate_damage,
    )
    if work.store is None:
        return [_try(work, maker, item)[0] for item in items]
    reports = []
    try:
        with work.store.writer() as writer:
            for item in items:
                report, row = _try(work, maker, item)
                if row is not None:
                    writer.write(item.row, row)
                reports.append(report)
    except OSError as error:
        raise StoppedError(
            f"writing {printable(str(work.store.path))} failed: {error.strerror or error}. Free "
            "space or mend the volume, then run the same command again."
        ) from error
    return reports


def _try(work: Work, maker: RowMaker, item: Item) -> tuple[Report, NDArray[Any] | None]:
    size = 0
    try:
        data = read_image(item.entry, work.bases)
        size = len(data)
        row, facts = maker.make(data)
    except ImageError as error:
        return Report(item, size, None, str(error)), None
    except MemoryError:
        return Report(item, size, None, "there is not enough memory to decode it"), None
    return Report(item, size, facts), row
