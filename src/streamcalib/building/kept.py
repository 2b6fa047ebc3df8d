"""Rows of an earlier run: which of them are still what a build would make now."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.errors import ImageError, OutputError
from streamcalib.images.probing import probe_all
from streamcalib.images.reading import read_image
from streamcalib.pixels.checksum import checksum, checksums
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.images.confining import Confines
    from streamcalib.images.listfile import ImageList
    from streamcalib.stores.store import Store

_WHITE = 255
_SAMPLED_ROWS = 256
_REMADE_ROWS = 32
_READ_BYTES = 2**25
_LOOKED_AT_ONCE = 2**16

_log = logging.getLogger(__name__)


def damaged_rows(
    store: Store, columns: NDArray[Any], sum_name: str, *, all_rows: bool = False
) -> NDArray[np.int64]:
    """Return the rows that no longer are what their checksums say.

    A sample of those that are done is read; all of them, if one of the sample is wrong or
    ``all_rows`` are asked for.
    """
    done = np.flatnonzero(columns["done"])
    if not len(done):
        return done
    spread = np.linspace(0, len(done) - 1, min(_SAMPLED_ROWS, len(done))).astype(int)
    if not all_rows and not len(wrong := _wrong(store, done[spread], columns[sum_name])):
        return wrong
    wrong = _wrong(store, done, columns[sum_name])
    if len(wrong):
        tell_damaged(len(wrong), "the unfinished build")
    return wrong


def tell_damaged(rows: int, place: str) -> None:
    """Warn of rows that are not what was written."""
    _log.warning(
        "%s of %s did not hold what was written, and %s made again: look after the disk",
        counted(rows, "row"),
        place,
        "is" if rows == 1 else "are",
    )


def _wrong(store: Store, rows: NDArray[np.int64], sums: NDArray[Any]) -> NDArray[np.int64]:
    stored = store.read()
    at_once = max(1, _READ_BYTES // store.row_bytes)
    wrong: list[int] = []
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        values, whole = stored.take(part.tolist())
        same = np.array(checksums(values), np.uint32) == sums[part]
        wrong += part[~(same & whole)].tolist()
    return np.array(wrong, np.int64)


def extremes(
    store: Store, rows: NDArray[np.int64], prepared: PreparedBuild
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the smallest and largest canvas value per channel, (3,), of some rows of a store."""
    stored = store.read()
    low, high = np.full(3, _WHITE), np.zeros(3, int)
    at_once = max(1, _READ_BYTES // store.row_bytes)
    for start in range(0, len(rows), at_once):
        values, whole = stored.take(rows[start : start + at_once].tolist())
        if not whole.any():
            continue
        part = channel_extremes(values[whole], prepared)
        low, high = np.minimum(low, part[0]), np.maximum(high, part[1])
    return low, high


def channel_extremes(
    stored: NDArray[Any], prepared: PreparedBuild
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the smallest and largest canvas value per channel, (3,), of rows as stored."""
    recipe, is_encoded = prepared.recipe, prepared.plan.staged == "final"
    axes = (0, 1, 2) if is_encoded and recipe.layout == "NHWC" else (0, 2, 3)
    low, high = stored.min(axes), stored.max(axes)
    if not is_encoded:
        return low.astype(np.int64), high.astype(np.int64)
    # Tables rise with the pixel's value.
    pairs = list(zip(recipe.lookup_table(), low, high, strict=True))
    return (
        np.array([np.searchsorted(values, least) for values, least, _ in pairs]),
        np.array([np.searchsorted(values, most) for values, _, most in pairs]),
    )


def changed_sources(
    images: ImageList, columns: NDArray[Any], confines: Confines | None = None
) -> NDArray[np.int64]:
    """Return the rows that are done whose image has another size or stamp since.

    So are those whose image lies outside of ``confines``; one that is gone leaves its row as it is.
    """
    done = np.flatnonzero(columns["done"])
    known = columns[["bytes", "stamp"]][done]
    found: list[int] = []
    for start in range(0, len(done), _LOOKED_AT_ONCE):
        rows = done[start : start + _LOOKED_AT_ONCE].tolist()
        places = [images.resolve(row) for row in rows]
        before = known[start : start + _LOOKED_AT_ONCE].tolist()
        for row, place, stamp, then in zip(rows, places, probe_all(places), before, strict=True):
            is_outside = confines is not None and not confines.holds(place)
            if is_outside or (stamp is not None and stamp[:2] != then):
                found.append(row)
    return np.array(found, np.int64)


def check_makers(
    prepared: PreparedBuild, columns: NDArray[Any], before: dict[str, str], now: dict[str, str]
) -> None:
    """Warn of other versions than those that made the rows, and compare what they make.

    Raises
    ------
    OutputError
        If they make other rows.
    """
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if not names:
        return
    shown = "; ".join(f"{name} {before.get(name)}, now {now.get(name)}" for name in names)
    _log.warning("rows of the unfinished build were made with %s", printable(shown))
    done = np.flatnonzero(columns["done"])
    spread = np.linspace(0, len(done) - 1, min(_REMADE_ROWS, len(done))).astype(int)
    options = prepared.options
    maker = RowMaker(
        prepared.recipe,
        find_decoder(options.decoder),
        max_pixels=options.max_pixels,
        tolerate_damage=options.tolerate_damage,
    )
    compared = 0
    for row in done[spread].tolist():
        try:
            data = read_image(
                prepared.images[row], prepared.images.bases, max_bytes=options.max_file_bytes
            )
            values, facts = maker.make(data)
        except ImageError:
            continue
        compared += 1
        same = facts.canvas_crc32c == columns["canvas_crc32c"][row]
        if same and prepared.plan.staged == "final":
            same = checksum(values) == columns["row_crc32c"][row]
        if not same:
            raise OutputError(
                f"row {row} ({printable(prepared.images[row])}) comes out otherwise than in the "
                f"unfinished build, which was made with {printable(shown)}. Go on with what it was "
                "begun with, or say --restart to build it anew."
            )
    if compared:
        _log.warning("%s made again to compare: no difference", counted(compared, "row"))
    else:
        _log.warning("none of their images is there to compare with")
