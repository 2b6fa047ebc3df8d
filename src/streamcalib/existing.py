"""What already stands under the name of an output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from streamcalib.calibset import CalibrationSet
from streamcalib.errors import OutputError, StreamcalibError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.images.listfile import ImageList
    from streamcalib.recipe import Recipe

_COMPARED_SOURCES = 1000


def complete_set(
    path: Path,
    images: ImageList,
    *,
    recipe: Recipe,
    input_name: str,
    extra_inputs: dict[str, ExtraInput],
    tolerate_damage: bool,
    overwrite: bool,
) -> CalibrationSet | None:
    """Return the set at ``path`` if it is what a build would make, or None if one may be made.

    Raises
    ------
    OutputError
        If something else is there and ``overwrite`` is not said; the message says what differs.
    """
    if not os.path.lexists(path):
        return None
    shown = printable(str(path))
    if path.is_dir():
        raise OutputError(f"the output {shown} is a folder.")
    try:
        found = CalibrationSet.open(path)
    except StreamcalibError as error:
        if overwrite:
            return None
        raise OutputError(
            f"{shown} exists, and is not a set that streamcalib finished ({error}). To replace it, "
            "say --overwrite."
        ) from error
    differences = [
        *_made_otherwise(found, images, recipe, tolerate_damage),
        *_named_otherwise(found, input_name, extra_inputs),
    ]
    if not differences:
        return found
    if overwrite:
        return None
    raise OutputError(
        f"{shown} exists and was built otherwise:\n"
        + "\n".join(f"  {difference}" for difference in differences)
        + "\nTo replace it, say --overwrite; or choose another --out."
    )


def _made_otherwise(
    found: CalibrationSet, images: ImageList, recipe: Recipe, tolerate_damage: bool
) -> list[str]:
    differences = [f"recipe, {line}" for line in found.recipe.differences(recipe)]
    made_from = found.manifest.images
    if made_from["entries_sha256"] != images.entries_sha256:
        differences.append(
            f"list: {made_from['list'] or 'given in Python'} of {made_from['count']} images, "
            f"not {images.label} of {len(images)}"
        )
    elif changed := _changed_source(found, images):
        differences.append(f"images: {changed}")
    if made_from["tolerate_damage"] != tolerate_damage:
        differences.append(
            f"tolerate damage: {made_from['tolerate_damage']}, not {tolerate_damage}"
        )
    return differences


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


def _changed_source(found: CalibrationSet, images: ImageList) -> str | None:
    """Name an image that is no longer of the size it had; ones that are gone do not matter."""
    for record, _ in zip(found.row_records(), range(_COMPARED_SOURCES), strict=False):
        row = record["list_row"]
        if row is None:
            continue
        path = images.resolve(row)
        try:
            size = os.stat(path).st_size  # noqa: PTH116
        except OSError:
            continue
        if size != record["bytes"]:
            return f"{printable(path)} had {record['bytes']} bytes and has {size} now"
    return None
