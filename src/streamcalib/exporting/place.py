"""Where an export goes: whether it may be written there, whether it is there, its final name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamcalib.durable import sync, write_text
from streamcalib.errors import OutputError
from streamcalib.exporting.record import read_record
from streamcalib.manifest import side_paths
from streamcalib.publish import check_side_files
from streamcalib.staging import OLD_NAME, SIDE_PARTS
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def record_path(out: Path) -> Path:
    """Return the path of the record beside an export."""
    return out.with_name(f"{out.name}.json")


def index_path(out: Path) -> Path:
    """Return the path of the index beside an export, one JSON object a row."""
    return out.with_name(f"{out.name}.rows.jsonl")


def is_made(out: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether an export is there, whole, and what is wanted, as its record says."""
    record = read_record(record_path(out))
    if record is None or record["wanted"] != wanted or not index_path(out).is_file():
        return False
    return bool(record.get("bytes") == held_bytes(out))


def held_bytes(out: Path) -> int | None:
    """Return the size of an export's files together, in bytes; None if it is not there."""
    try:
        if not out.is_dir():
            return out.stat().st_size
        return sum(entry.stat().st_size for entry in os.scandir(out))
    except OSError:
        return None


def check_place(
    out: Path, *, is_folder: bool, overwrite: bool, is_entry: Callable[[str], bool]
) -> None:
    """Make sure that an export that is not there yet may be written.

    Raises
    ------
    OutputError
        If something is in the way, or would have to be replaced and is not an export.
    """
    check_replaceable(out, is_folder=is_folder, overwrite=overwrite, is_entry=is_entry)
    check_side_files(out)


def check_replaceable(
    out: Path,
    *,
    is_folder: bool,
    overwrite: bool,
    is_entry: Callable[[str], bool] = lambda _: False,
) -> None:
    """Make sure that an output is not there, or may be replaced; raises as `check_place`."""
    if not os.path.lexists(out):
        return
    shown = printable(str(out))
    if not overwrite:
        raise OutputError(
            f"{shown} exists and is not this export. To replace it, say --overwrite; or choose "
            "another --out."
        )
    if not is_folder:
        if not out.is_file():
            kind = "a folder" if out.is_dir() else "no regular file"
            raise OutputError(f"the output {shown} is {kind}: choose another --out.")
        return
    if not out.is_dir() or out.is_symlink():
        raise OutputError(f"the output {shown} is no folder: choose another --out.")
    foreign = next((name for name in sorted(os.listdir(out)) if not is_entry(name)), None)  # noqa: PTH208
    if foreign is not None or (read_record(record_path(out)) is None and any(out.iterdir())):
        what = (
            f"it holds {printable(foreign)}"
            if foreign
            else f"{printable(record_path(out).name)} is not beside it"
        )
        raise OutputError(
            f"the output {shown} is a folder that streamcalib did not make: {what}. Choose another "
            "--out."
        )


def publish_export(staged: Path, out: Path, record: str, index: Path) -> None:
    """Publish a finished file or folder as ``out`` with its record and index.

    The data appears last, by rename; what it replaces goes first. ``staged`` and ``index`` lie in
    the staging folder. Raises ``OSError``.
    """
    if out.is_dir():
        old = staged.with_name(OLD_NAME)
        shutil.rmtree(old, ignore_errors=True)
        out.replace(old)
    else:
        out.unlink(missing_ok=True)
    for side in side_paths(out):
        Path(side).unlink(missing_ok=True)
    sync(out.parent)
    sync(index)
    index.replace(index_path(out))
    write_text(record_path(out), record, staged.with_name(SIDE_PARTS[0]))
    staged.replace(out)
    sync(out.parent)
