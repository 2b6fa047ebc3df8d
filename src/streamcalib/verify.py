"""A finished set against its manifest, and against the images that it was made of."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np

from streamcalib.calibset import CalibrationSet
from streamcalib.errors import DamagedError, ImageError, InputError, SetError
from streamcalib.images.places import Place, as_base, normal_member, without_file_scheme
from streamcalib.images.reading import MAX_FILE_BYTES, read_image
from streamcalib.images.resolving import candidates, entry_of
from streamcalib.manifest_rows import stored_checksums
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.remotepath import RemotePath
from streamcalib.stores.npz import map_member
from streamcalib.stores.stored import MappedRows
from streamcalib.verifying.remake import Comparison, remake
from streamcalib.verifying.scan import scan
from streamcalib.wording import printable, without_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.recipe import Recipe

_WHITE = 255.0


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What verifying a set found.

    Attributes
    ----------
    rows
        How many rows were read.
    faults
        What is wrong, by row; empty for a sound set.
    constant
        Rows all of whose values are the same; told, and no fault.
    equal
        Groups of rows that hold the same; told, and no fault.
    compared, differing
        How many rows were compared with their images, and how many of them differ.
    unread
        Why an image could not be made into a row again, by row.
    paths
        The images of all rows named in ``faults``, ``constant``, ``equal`` and ``unread``.
    """

    rows: int
    faults: dict[int, str]
    constant: tuple[int, ...]
    equal: tuple[tuple[int, ...], ...]
    compared: int = 0
    differing: int = 0
    unread: dict[int, str] = field(default_factory=dict)
    paths: dict[int, str] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether no row is wrong."""
        return not self.faults


class FoundImage(NamedTuple):
    """An image's row in a set.

    Attributes
    ----------
    row
        Its number.
    difference
        How the row differs from the image, or empty.
    """

    row: int
    difference: str


def verify(
    calibration: CalibrationSet | str | os.PathLike[str],
    *,
    sources: bool = False,
    sample: int | None = None,
    seed: int = 42,
    jobs: int | None = None,
    progress: Subscriber | None = None,
) -> Verification:
    """Hold a set against its manifest: file, checksums, range of values, NaN and infinity.

    Parameters
    ----------
    calibration
        The set, or its path.
    sources
        Also make every row from its image again, and compare bit for bit.
    sample, seed
        Do that for so many rows only, chosen by the seed; implies ``sources``.
    jobs
        Number of threads; by default all cores that this process may use.
    progress
        Called with a `Progress` after every part.

    Raises
    ------
    DamagedError
        If not rows but the file or its manifest are wrong: no row can be told from another then.
    InputError
        If there is no set, or an option is out of range.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs must be at least 1, not {jobs}.")
    if sample is not None and sample < 1:
        raise InputError(f"--sample must be at least 1, not {sample}.")
    jobs = int(joblib.cpu_count()) if jobs is None else jobs
    try:
        if not isinstance(calibration, CalibrationSet):
            calibration = CalibrationSet.open(calibration)
        check_file(calibration)
        expected = stored_checksums(calibration.row_records(), calibration.manifest.store)
    except SetError as error:
        raise DamagedError(str(error)) from error
    notify, count = progress or ignore, len(calibration)
    values = calibration.values()
    counter = Counter("verify", count, values.stored.row_bytes, notify)
    found = scan(values, expected, _stored_range(calibration), jobs, counter.reach)
    result = Verification(
        rows=count, faults=found.faults, constant=found.constant, equal=found.equal
    )
    if sources or sample is not None:
        result = _with_sources(calibration, result, _chosen(count, sample, seed), jobs, notify)
    return _with_paths(calibration, result)


def find_image(
    calibration: CalibrationSet | str | os.PathLike[str], image: str | os.PathLike[str]
) -> tuple[FoundImage, ...]:
    """Return the rows that are an image's, by its path, else by its pixels.

    Raises
    ------
    InputError
        If the image cannot be read, or no row is its.
    """
    if not isinstance(calibration, CalibrationSet):
        calibration = CalibrationSet.open(calibration)
    comparison, path = Comparison(calibration), os.fspath(image)
    shown = printable(path)
    try:
        # One that was accepted once is not too large now.
        most = max(MAX_FILE_BYTES, *(record["bytes"] for record in calibration.row_records()))
        data = read_image(path, (Path.cwd(),), max_bytes=most)
        canvas = comparison.canvas_checksum(data)
    except ImageError as error:
        reason = without_option(str(error))
        raise InputError(f"the image {shown} cannot become a row: {reason}.") from error
    bases = tuple(map(as_base, calibration.manifest.images["bases"] or ["."]))
    named, alike = [], []
    for row, record in enumerate(calibration.row_records()):
        if any(_is_same(path, place) for place in candidates(record["path"], bases)):
            named.append(row)
        elif record["canvas_crc32c"] == f"{canvas:08x}":
            alike.append(row)
    found = tuple(FoundImage(row, comparison.difference(row, data)) for row in named or alike)
    if not found:
        raise InputError(
            f"no row of {printable(calibration.path.name)} was made from {shown}, and none holds "
            "its picture."
        )
    return found


def _is_same(path: str, recorded: str) -> bool:
    # Looking at every file would take long; only those of the same name can be it.
    if os.path.basename(path) != os.path.basename(recorded):  # noqa: PTH119
        return False
    one, other = Place.of(without_file_scheme(path)), Place.of(recorded)
    if (one.member is None) != (other.member is None) or one.is_remote != other.is_remote:
        return False
    if normal_member(one.member or "") != normal_member(other.member or ""):
        return False
    if one.is_remote:
        return one.location == other.location
    return os.path.realpath(one.location) == os.path.realpath(other.location)


def check_file(calibration: CalibrationSet) -> None:
    """Compare file and manifest beyond what opening does."""
    shown, manifest = printable(str(calibration.path)), calibration.manifest
    if manifest.recipe.fingerprint != manifest.recipe_fingerprint:
        raise DamagedError(f"the recipe in the manifest of {shown} was changed after the build.")
    stored = calibration.values().stored
    path = calibration.path
    if isinstance(path, RemotePath):
        return
    if path.suffix == ".npy" and isinstance(stored, MappedRows):
        wanted = int(getattr(stored.array, "offset", 0)) + stored.array.nbytes
        if (size := path.stat().st_size) != wanted:
            raise DamagedError(f"{shown} has {size} bytes, and its rows end at {wanted}.")
    for name, extra in calibration.extra_inputs.items():
        try:
            member = map_member(path, name)
        except (OSError, ValueError, KeyError) as error:
            raise DamagedError(f"{shown} lacks its input {name!r}: {error}.") from error
        one = extra.repeated(1)
        same = member.shape == (len(calibration), *one.shape[1:]) and member.dtype == one.dtype
        if not same or not np.array_equal(member, np.broadcast_to(one, member.shape)):
            raise DamagedError(f"the input {name!r} of {shown} is not what its manifest says.")


def _stored_range(calibration: CalibrationSet) -> tuple[float, float]:
    if calibration.manifest.store == "uint8":
        return 0.0, _WHITE
    recipe: Recipe = calibration.recipe
    # As the table rounds them, so that float16 rows are not outside of what they can hold.
    table = recipe.lookup_table()
    return float(table.min()), float(table.max())


def _chosen(count: int, sample: int | None, seed: int) -> list[int]:
    if sample is None or sample >= count:
        return list(range(count))
    return sorted(random.Random(seed).sample(range(count), sample))  # noqa: S311


def _with_sources(
    calibration: CalibrationSet,
    found: Verification,
    rows: list[int],
    jobs: int,
    notify: Subscriber,
) -> Verification:
    counter = Counter("compare with images", len(rows), 0, notify)
    remade = remake(calibration, _records(calibration, rows), jobs, counter.reach)
    return replace(
        found,
        faults=dict(sorted({**remade.faults, **found.faults}.items())),
        compared=remade.compared,
        differing=len(remade.faults),
        unread=remade.unread,
    )


def _records(calibration: CalibrationSet, rows: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    wanted = set(rows)
    for row, record in enumerate(calibration.row_records()):
        if row in wanted:
            yield row, record


def _with_paths(calibration: CalibrationSet, found: Verification) -> Verification:
    rows = {*found.faults, *found.unread, *found.constant, *(r for g in found.equal for r in g)}
    if rows:
        found.paths.update(
            (row, entry_of(record["path"])) for row, record in _records(calibration, sorted(rows))
        )
    return found
