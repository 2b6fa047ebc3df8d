"""The record beside an export: what it holds, and of which set."""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from streamcalib.datafile import parse_json, read_data, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.container import Place

FORMAT = "streamcalib-export"
VERSION = 1
_MOST_BYTES = 2**20
_encode = json.JSONEncoder().encode


def rows_digest(source: CalibrationSet, rows: int) -> str:
    """Return the SHA-256, in hex, of which images a set's first rows are, and of their canvases.

    Raises
    ------
    SetError
        If the manifest's records of rows are damaged.
    """
    digest = hashlib.sha256()
    for record in islice(source.row_records(), rows):
        digest.update(_encode([record["path"], record["canvas_crc32c"]]).encode())
    return digest.hexdigest()


def index_line(place: Place, row: int, image: str, crc: int) -> bytes:
    """Return an index's line: which file holds a row, which image it is, and its checksum."""
    entry = {
        "file": place.file,
        "at": place.at,
        "row": row,
        "image": image,
        "crc32c": f"{crc:08x}",
    }
    return f"{_encode(entry)}\n".encode()


def to_record(wanted: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    """Return a record as JSON: what was ``wanted``, and when and of what it was ``made``."""
    values = {"format": FORMAT, "version": VERSION, "wanted": dict(wanted), **made}
    return to_json(values) + "\n"


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the record in a file, or None if there is none, or nothing that can be read as one."""
    try:
        values = parse_json(read_data(path, _MOST_BYTES))
    except (OSError, ValueError):
        return None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        return None
    return values if isinstance(values.get("wanted"), dict) else None
