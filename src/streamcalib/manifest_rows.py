"""A manifest's records of its rows: inside it while they are few, in a side file when many."""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.datafile import parse_json
from streamcalib.errors import SetError
from streamcalib.manifest import rows_path
from streamcalib.manifest_shape import row_amiss
from streamcalib.remotepath import open_file
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from streamcalib.manifest import StoreKind
    from streamcalib.remotepath import SetPath

_MOST_INLINE_ROWS = 1000
_LINES_AT_ONCE = 1000
# A path has 4096 bytes at most, each of which JSON may write as six.
_LONGEST_LINE = 2**17


def keep_rows(
    records: Iterator[dict[str, Any]], count: int, out: SetPath, staging: Path
) -> tuple[list[dict[str, Any]] | dict[str, str], Path | None]:
    """Return what the manifest of ``out`` says of its rows, and the side file made for it if any.

    ``records`` are ``count`` in number; the side file is written into ``staging``. Raises
    ``OSError``.
    """
    if count <= _MOST_INLINE_ROWS:
        return list(records), None
    path = staging / "rows.jsonl"
    digest = hashlib.sha256()
    encode = json.JSONEncoder().encode
    with path.open("wb") as file:
        while lines := [encode(record) for record in islice(records, _LINES_AT_ONCE)]:
            data = ("\n".join(lines) + "\n").encode()
            digest.update(data)
            file.write(data)
    return {"file": rows_path(out).name, "sha256": digest.hexdigest()}, path


def read_rows(path: SetPath, count: int, sha256: str, *, listed: int) -> Iterator[dict[str, Any]]:
    """Yield the records of a side file, of a set made of a list of ``listed`` images.

    Raises
    ------
    SetError
        If it cannot be read, does not hold ``count`` records, or, at its end, has another SHA-256.
    """
    shown = printable(str(path))
    digest, read = hashlib.sha256(), 0
    try:
        with open_file(path) as file:
            while line := file.readline(_LONGEST_LINE):
                digest.update(line)
                read += 1
                if read > count or (len(line) == _LONGEST_LINE and not line.endswith(b"\n")):
                    break
                record = parse_json(line)
                if row_amiss(record, listed):
                    raise ValueError(f"line {read} is no record of a row")
                yield record
    except (OSError, ValueError) as error:
        raise SetError(f"{shown} cannot be read: {error}.") from error
    if (read, digest.hexdigest()) != (count, sha256):
        raise SetError(
            f"{shown} is not the file that belongs to the set: it was changed or cut. Copy it from "
            "where the set was made, or build the set again."
        )


def stored_checksums(records: Iterable[dict[str, Any]], store: StoreKind) -> NDArray[np.uint32]:
    """Return the checksum of every row as stored, (N,).

    Raises
    ------
    SetError
        If a record has none.
    """
    name = "row_crc32c" if store == "final" else "canvas_crc32c"
    try:
        return np.fromiter((int(record[name], 16) for record in records), np.uint32)
    except SetError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SetError(f"the manifest's records of rows are damaged: {name} is amiss.") from error


def checksum_kinds(store: StoreKind) -> dict[str, str]:
    """Return what a manifest says of the checksums in its records."""
    kinds = {"algorithm": "crc32c", "canvas_crc32c": "the letterboxed image, uint8, (3, H, W)"}
    if store == "final":
        kinds["row_crc32c"] = "the row's bytes as stored"
    return kinds


def with_row_checksums(
    records: Iterator[dict[str, Any]], crcs: list[int] | None, store: StoreKind
) -> Iterator[dict[str, Any]]:
    """Yield records with the checksums of rows as they are stored now; None keeps them."""
    if store == "uint8":
        for record in records:
            yield {name: value for name, value in record.items() if name != "row_crc32c"}
        return
    if crcs is None:
        yield from records
        return
    for record, crc in zip(records, crcs, strict=True):
        yield {**record, "row_crc32c": f"{crc:08x}"}


def same_rows(first: Iterator[dict[str, Any]], second: Iterator[dict[str, Any]]) -> bool:
    """Whether two sets of equally many rows of one recipe hold the same, in whatever store."""
    return all(
        {**a, "row_crc32c": ""} == {**b, "row_crc32c": ""}
        for a, b in zip(first, second, strict=True)
    )
