"""The record beside a quantized model: what it was made of, and with what."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.calibset import CalibrationSet
from streamcalib.datafile import to_json
from streamcalib.live import LiveSet
from streamcalib.manifest_rows import stored_checksums
from streamcalib.pixels.checksum import checksum
from streamcalib.quantizing.modelopt import modelopt_versions, recorded_options
from streamcalib.surroundings import versions

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.quantizing.wanted import Wanted
    from streamcalib.quantizing.workplace import Workplace
    from streamcalib.readers.rowsource import RowSource

FORMAT = "streamcalib-quantized"
VERSION = 1


def make_record(wanted: Wanted, place: Workplace, seconds: float) -> dict[str, Any]:
    """Return the record of a model that ModelOpt has written into a workplace."""
    steps, weights = wanted.reader.steps, place.out.with_name(place.out.name + "_data")
    return {
        "format": FORMAT,
        "version": VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "model": {
            "path": os.path.abspath(wanted.model),  # noqa: PTH100 (keeps links)
            "sha256": sha256(place.model),
            "input_name": wanted.reader.input_name,
        },
        "output": {
            path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)}
            for path in (place.out, weights)
            if path.exists()
        },
        "calibration": {
            **_origin(wanted.source),
            "rows": len(wanted.source),
            "recipe": wanted.source.recipe.to_dict(),
            "recipe_fingerprint": wanted.source.recipe.fingerprint,
            "extra_inputs": {
                name: extra.to_dict() for name, extra in wanted.source.extra_inputs.items()
            },
        },
        "steps": {
            "count": steps.count,
            "batch_size": steps.batch_size,
            "layout": wanted.reader.source.recipe.layout,
            "rows_dropped": steps.dropped,
            "rows_repeated": steps.repeated,
        },
        "options": recorded_options(wanted.keywords),
        "warnings": list(wanted.warnings),
        "versions": {**versions(), **modelopt_versions()},
    }


def _origin(source: RowSource) -> dict[str, Any]:
    """Return where rows come from; the checksum is the same of a set and of a live set."""
    if isinstance(source, CalibrationSet):
        manifest = source.manifest
        return {
            "from": "set",
            "path": str(source.path),
            "created": manifest.created,
            "store": manifest.store,
            "canvases_crc32c": _sum(stored_checksums(source.row_records(), "uint8")),
            "images": manifest.images,
            "on_bad_failures": manifest.failures,
        }
    if isinstance(source, LiveSet):
        images = source.images
        return {
            "from": "images",
            "canvases_crc32c": _sum(source.surveyed.sums),
            "images": {
                "list": None if images.file is None else str(images.file),
                "entries_sha256": images.entries_sha256,
                "count": len(images),
                "bases": [str(base) for base in images.bases],
                "chosen": images.provenance,
                "tolerate_damage": source.making.tolerate_damage,
            },
            "on_bad_failures": [
                {
                    "path": failure.path,
                    "reason": failure.reason,
                    "list_row": failure.source if failure.source < len(images) else None,
                }
                for failure in source.failures
            ],
        }
    return {"from": source.shown}


def _sum(sums: np.ndarray[Any, np.dtype[np.uint32]]) -> str:
    return f"{checksum(np.ascontiguousarray(sums, '<u4')):08x}"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_record(record: dict[str, Any], path: Path) -> None:
    """Write a record as JSON; raises ``OSError``."""
    path.write_text(to_json(record) + "\n", encoding="utf-8", errors="surrogateescape", newline="")
