"""From a finished build to its manifest."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.building.made import ROUTES
from streamcalib.commands import model_facts, set_commands
from streamcalib.images.places import on_disk
from streamcalib.manifest import Manifest
from streamcalib.manifest_rows import checksum_kinds, keep_rows
from streamcalib.pixels.decoding import describe_decoder
from streamcalib.pixels.placing import placer
from streamcalib.surroundings import image_folders, links_on_the_way, naming_variables, versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.building.rowtable import RowTable
    from streamcalib.errors import Failure
    from streamcalib.images.listfile import ImageList
    from streamcalib.images.places import Base
    from streamcalib.recipe import Recipe

_MOST_PROBED_FOLDERS = 1000
_RECORDS_AT_ONCE = 4096


def write_record(
    prepared: PreparedBuild, table: RowTable, failures: Sequence[Failure], staging: Path
) -> tuple[Manifest, Path | None]:
    """Return a finished build's manifest, and the side file for its rows in ``staging`` if any."""
    images, recipe, plan = prepared.images, prepared.recipe, prepared.plan
    records = _row_records(table, images, recipe, is_final=plan.store == "final")
    rows, rows_file = keep_rows(records, len(table), prepared.out, staging)
    probed = range(min(len(images), _MOST_PROBED_FOLDERS))
    files = (on_disk(images.resolve(index)) for index in probed)
    folders = image_folders(file for file in files if file is not None)
    model = model_facts(prepared.graph, recipe.row_shape) if prepared.graph else None
    manifest = Manifest(
        shape=(len(table), *plan.stored_row[0]),
        dtype=plan.stored_row[1],
        layout=recipe.layout if plan.store == "final" else "NCHW",
        store=plan.store,
        input_name=prepared.input_name,
        extra_inputs={name: extra.to_dict() for name, extra in prepared.extra_inputs.items()},
        recipe=recipe,
        recipe_fingerprint=recipe.fingerprint,
        value_range={"expected": list(recipe.value_range), "observed": _observed(table, recipe)},
        images=_images(images, table, prepared.options.tolerate_damage),
        decoder=describe_decoder(recipe, prepared.options.decoder),
        versions=versions(with_pillow=recipe.uses_pillow),
        on_bad=prepared.options.on_bad,
        failures=[
            {
                "path": failure.path,
                "reason": failure.reason,
                "list_row": failure.source if failure.source < len(images) else None,
            }
            for failure in failures
        ],
        environment=naming_variables(folders),
        links=links_on_the_way(folders),
        commands=set_commands(prepared.out, plan.store, model),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=rows,
        checksums=checksum_kinds(plan.store),
        model=model,
    )
    return manifest, rows_file


def _images(images: ImageList, table: RowTable, tolerate_damage: bool) -> dict[str, Any]:
    by_opencv = [ROUTES.index("opencv-jpeg"), ROUTES.index("opencv-other")]
    through_opencv = int(np.isin(table.columns["route"], by_opencv).sum())
    return {
        "list": None if images.file is None else _list_file(images.file, images.bases[0]),
        "sha256": None if images.file is None else _file_sha256(images.file),
        "entries_sha256": images.entries_sha256,
        "count": len(images),
        "bases": [str(base) for base in images.bases],
        "chosen": images.provenance,
        "through_opencv": through_opencv,
        "tolerate_damage": tolerate_damage,
    }


def _list_file(file: Path, start: Base) -> str:
    """Return a list's file as it was given, unless it is sought from elsewhere than its images."""
    return str(file if start == Path.cwd() else file.absolute())


def _row_records(
    table: RowTable, images: ImageList, recipe: Recipe, *, is_final: bool
) -> Iterator[dict[str, Any]]:
    listed, place = len(images), placer(recipe)
    # A million rows are a million of these: lists of plain numbers, a few thousand at a time.
    for start in range(0, len(table), _RECORDS_AT_ONCE):
        block = table.columns[start : start + _RECORDS_AT_ONCE]
        for source, height, width, canvas_crc, row_crc, size, _, route, _ in block.tolist():
            spot = place(height, width)
            bottom = recipe.height - spot.top - spot.height
            right = recipe.width - spot.left - spot.width
            row = {
                "path": images.source(source),
                "list_row": source if source < listed else None,
                "height": height,
                "width": width,
                "scale": spot.ratio,
                "padding": [spot.top, bottom, spot.left, right],
                "bytes": size,
                "decoded_by": ROUTES[route],
                "canvas_crc32c": f"{canvas_crc:08x}",
            }
            if is_final:
                row["row_crc32c"] = f"{row_crc:08x}"
            yield row


def _observed(table: RowTable, recipe: Recipe) -> list[float]:
    values = recipe.lookup_table()
    # Tables rise with the pixel's value: scale and std are above 0.
    low = min(float(values[channel, table.low[channel]]) for channel in range(3))
    high = max(float(values[channel, table.high[channel]]) for channel in range(3))
    return [low, high]


def _file_sha256(path: Path) -> str | None:
    if not path.is_file():  # a pipe gives what it holds once only
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
