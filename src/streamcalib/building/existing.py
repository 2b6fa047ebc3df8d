"""What already stands under the name of an output."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.calibset import CalibrationSet
from streamcalib.errors import ImageError, OutputError, SetError, SourceError
from streamcalib.images.listfile import entries_sha256
from streamcalib.images.places import as_base
from streamcalib.images.probing import probe_all
from streamcalib.images.reading import read_image
from streamcalib.images.resolving import candidates
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.publish import check_kind, is_there
from streamcalib.remotepath import RemotePath
from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.images.confining import Confines
    from streamcalib.images.listfile import ImageList
    from streamcalib.manifest import StoreKind
    from streamcalib.recipe import Recipe
    from streamcalib.remotepath import SetPath

_COMPARED_SOURCES = 1000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a build would make, beyond its list; the fields are those of `PreparedBuild`."""

    recipe: Recipe
    store: StoreKind
    input_name: str
    extra_inputs: dict[str, ExtraInput]
    tolerate_damage: bool
    max_pixels: int
    max_file_bytes: int
    confines: Confines | None


def complete_set(
    path: SetPath, images: ImageList, wanted: Wanted, *, overwrite: bool
) -> CalibrationSet | None:
    """Return the set at ``path`` if it is what a build would make, or None if one may be made.

    Raises
    ------
    OutputError
        If something else is there and ``overwrite`` is not said; the message says what differs.
    ListError
        If none of the images is where the list now says.
    """
    if not is_there(path):
        return None
    shown = printable(str(path))
    check_kind(path)
    try:
        found = CalibrationSet.open(path)
        set_up = _set_up_otherwise(found, wanted)
        differences = [*_made_otherwise(found, images, wanted), *set_up]
    except (SetError, SourceError) as error:
        if overwrite:
            return None
        raise OutputError(
            f"{shown} exists, and is not a set that streamcalib finished ({error}). To replace it, "
            "say --overwrite."
        ) from error
    if not differences:
        return found
    if overwrite:
        return None
    ways = "To replace it, say --overwrite; or choose another --out."
    longer = len(images) > found.manifest.images["count"] and _begins_with(images, found)
    if longer and path.suffix != ".npz" and not isinstance(path, RemotePath) and not set_up:
        ways = "To keep its rows and add the others, say --extend. " + ways
    raise OutputError(
        f"{shown} exists and was built otherwise:\n"
        + "\n".join(f"  {difference}" for difference in differences)
        + f"\n{ways}"
    )


def set_to_extend(path: SetPath, images: ImageList, wanted: Wanted) -> CalibrationSet | None:
    """Return the set at ``path`` if its rows can be kept in a longer one, or None if none is there.

    So it is if the list only grows at its end; one that does not grow is no extension, and
    `complete_set` is to judge it.

    Raises
    ------
    OutputError
        If the set is another one; the message says what differs.
    """
    if not is_there(path):
        return None
    shown = printable(str(path))
    check_kind(path)
    if isinstance(path, RemotePath):
        raise OutputError(
            f"{shown} cannot be extended in its place: finalize it to a .zarr on disk, extend "
            "that, and finalize it back."
        )
    if path.suffix == ".npz":
        raise OutputError(
            f"{shown} cannot be extended, for its rows were encoded on their way: build and extend "
            "an .npy or .zarr, and finalize that to an .npz."
        )
    try:
        found = CalibrationSet.open(path)
        differences = _set_up_otherwise(found, wanted)
    except (SetError, SourceError) as error:
        raise OutputError(
            f"{shown} is not a set that streamcalib finished ({error}), and cannot be extended: "
            "say --overwrite instead of --extend to replace it."
        ) from error
    if not _begins_with(images, found):
        made_from = found.manifest.images
        differences.append(
            f"list: {images.label} does not begin with the {made_from['count']} images of "
            f"{printable(made_from['list'] or 'the list given in Python')}"
        )
    if differences:
        raise OutputError(
            f"{shown} cannot be extended:\n"
            + "\n".join(f"  {difference}" for difference in differences)
            + "\nTo replace it, say --overwrite instead; or choose another --out."
        )
    return found if len(images) > found.manifest.images["count"] else None


def _begins_with(images: ImageList, found: CalibrationSet) -> bool:
    made_from = found.manifest.images
    count = made_from["count"]
    if count > len(images):
        return False
    return entries_sha256(images.paths[:count]) == str(made_from["entries_sha256"])


def _made_otherwise(found: CalibrationSet, images: ImageList, wanted: Wanted) -> list[str]:
    made_from = found.manifest.images
    same_list = made_from["entries_sha256"] == images.entries_sha256
    if not same_list or made_from["count"] != len(images):
        name = printable(made_from["list"] or "given in Python")
        listed = f"{name} of {made_from['count']} images"
        return [f"list: {listed}, not {images.label} of {len(images)}"]
    maker = RowMaker(
        found.recipe,
        find_decoder(),
        max_pixels=wanted.max_pixels,
        tolerate_damage=wanted.tolerate_damage,
    )
    reader = _Reader(images, wanted.max_file_bytes, wanted.confines)
    changed = _changed_source(found, images, maker, reader) or _mended_source(
        found, images, maker, reader
    )
    return [f"images: {changed}"] if changed else []


def _set_up_otherwise(found: CalibrationSet, wanted: Wanted) -> list[str]:
    differences = [f"recipe, {line}" for line in found.recipe.differences(wanted.recipe)]
    tolerates = found.manifest.images["tolerate_damage"]
    if tolerates != wanted.tolerate_damage:
        differences.append(f"tolerate damage: {tolerates}, not {wanted.tolerate_damage}")
    if found.manifest.store != wanted.store:
        differences.append(f"store: {found.manifest.store}, not {wanted.store}")
    return [*differences, *_named_otherwise(found, wanted.input_name, wanted.extra_inputs)]


def _named_otherwise(
    found: CalibrationSet, input_name: str, extra_inputs: dict[str, ExtraInput]
) -> list[str]:
    differences = []
    if found.path.suffix == ".npz" and found.manifest.input_name != input_name:
        differences.append(f"input name: {found.manifest.input_name!r}, not {input_name!r}")
    if found.extra_inputs != extra_inputs:
        differences.append(
            f"further inputs: {sorted(found.extra_inputs)}, not {sorted(extra_inputs)}"
        )
    return differences


def _changed_source(
    found: CalibrationSet, images: ImageList, maker: RowMaker, reader: _Reader
) -> str | None:
    """Name an image that is no longer what it was; ones that are gone do not matter.

    Its size tells; one of the same size that was written after the set, or is sought in another
    place now, is made into a row again. Large sets are probed at a thousand rows.
    """
    made = found.made_ns
    before = tuple(as_base(base) for base in found.manifest.images["bases"])
    step = -(-len(found) // _COMPARED_SOURCES)
    compared = islice(found.row_records(), 0, None, step)
    records = [record for record in compared if record["list_row"] is not None]
    places = [images.resolve(record["list_row"]) for record in records]
    for record, path, stamp in zip(records, places, probe_all(places), strict=True):
        row = record["list_row"]
        moved = candidates(images[row], before) != candidates(images[row], images.bases)
        if stamp is None:
            if moved:
                images.check_present()
            continue
        if stamp.bytes != record["bytes"]:
            return f"{printable(path)} had {record['bytes']} bytes and has {stamp.bytes} now"
        suspect = moved or stamp.changed_ns > made
        if suspect and _checksum(maker, reader, row, stamp.bytes) != record["canvas_crc32c"]:
            return f"{printable(path)} is another picture now"
    return None


def _mended_source(
    found: CalibrationSet, images: ImageList, maker: RowMaker, reader: _Reader
) -> str | None:
    """Name an image that was bad when the set was built and can become a row now."""
    for failure in found.manifest.failures[:_COMPARED_SOURCES]:
        row = failure["list_row"]
        if row is None or row >= len(images):
            continue
        if _checksum(maker, reader, row) is not None:
            reason = printable(failure["reason"])
            return f"{printable(failure['path'])} was bad ({reason}) and is good now"
    return None


class _Reader(NamedTuple):
    """Reads images as the build that is asked for would."""

    images: ImageList
    max_file_bytes: int
    confines: Confines | None

    def read(self, row: int, accepted_bytes: int) -> bytes:
        """Return an image's bytes; as many as ``accepted_bytes`` were accepted once."""
        most = max(self.max_file_bytes, accepted_bytes)
        images = self.images
        return read_image(images[row], images.bases, max_bytes=most, confines=self.confines)


def _checksum(maker: RowMaker, reader: _Reader, row: int, accepted_bytes: int = 0) -> str | None:
    try:
        _, facts = maker.make(reader.read(row, accepted_bytes))
    except ImageError:
        return None
    return f"{facts.canvas_crc32c:08x}"
