"""Where a set goes: whether it may be written there, and its final name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.card import card
from streamcalib.durable import sync, write_text
from streamcalib.errors import OutputError
from streamcalib.manifest import side_paths
from streamcalib.publish_remote import SHARD_NAME, check_place, publish_at_url
from streamcalib.remotepath import RemotePath, exists
from streamcalib.staging import OLD_NAME, SIDE_PARTS, foreign_files, reusable_bytes
from streamcalib.stores.zarr import ZarrStore
from streamcalib.stores.zarr_layout import METADATA_NAME
from streamcalib.wording import printable
from streamcalib.zarr_attributes import zarr_attributes

if TYPE_CHECKING:
    from streamcalib.manifest import Manifest
    from streamcalib.remotepath import SetPath
    from streamcalib.stores.store import Store


_PROBED_BYTES = 200


def free_space(out: SetPath, complete: bool = False) -> int | None:
    """Return the free space for an output in bytes; None behind a URL, where nobody tells.

    Raises as `free_bytes`.
    """
    return None if isinstance(out, RemotePath) else free_bytes(out, complete)


def free_bytes(path: Path, complete: bool = False) -> int:
    """Return the free space for an output, which may lie in a folder yet to be made.

    What an unfinished build of it holds counts as free.

    Raises
    ------
    OutputError
        If its folder is a file, or is not writable and the output not ``complete`` already.
    """
    # A folder that is not there yet is made when the build starts.
    folder = next(parent for parent in path.parents if os.path.lexists(parent))
    shown = printable(str(folder))
    if not folder.is_dir():
        raise OutputError(f"the output's folder {shown} is a file.")
    if not complete and not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the output folder {shown} is not writable.")
    return shutil.disk_usage(folder).free + reusable_bytes(path)


def publish_store(
    store: Store, staged: Path, out: SetPath, manifest: Manifest, rows_file: Path | None = None
) -> None:
    """Publish a finished store, which lies at ``staged`` unless it is behind a URL; see `publish`.

    Raises ``OSError``.
    """
    if isinstance(store, ZarrStore):
        if isinstance(out, RemotePath):
            publish_at_url(store, out, manifest, rows_file)
            return
        write_metadata(store, manifest)
    publish(staged, Path(out), manifest, rows_file)


def publish(staged: Path, out: Path, manifest: Manifest, rows_file: Path | None = None) -> None:
    """Publish a finished data file as ``out`` with its manifest and card.

    The data appears last, by rename, so that a set under its final name is always whole; data that
    is replaced goes first, so that it never stands beside a manifest that is not its own: a file
    is removed, a folder moved into the staging folder.
    ``staged`` and ``rows_file`` lie in a staging folder, on the volume of ``out``. Raises
    ``OSError``.
    """
    sync(staged)
    if out.is_dir():
        old = staged.with_name(OLD_NAME)
        shutil.rmtree(old, ignore_errors=True)
        out.replace(old)
    else:
        out.unlink(missing_ok=True)
    manifest_file, card_file, rows = map(Path, side_paths(out))
    for path in (manifest_file, card_file, rows):
        path.unlink(missing_ok=True)
    sync(out.parent)
    if rows_file is not None:
        sync(rows_file)
        rows_file.replace(rows)
    # By way of the staging folder, which is tidied up whatever ends this.
    manifest_part, card_part = (staged.with_name(name) for name in SIDE_PARTS)
    write_text(manifest_file, manifest.to_json(), manifest_part)
    write_text(card_file, card(out, manifest), card_part)
    sync(out.parent)
    staged.replace(out)
    sync(out.parent)


def write_metadata(store: ZarrStore, manifest: Manifest) -> None:
    """Write what makes an array of a store's shards, durably; raises ``OSError``."""
    data = store.layout.metadata(zarr_attributes(manifest))
    metadata = store.objects.create(METADATA_NAME)
    try:
        metadata.append(data)
    except BaseException:
        metadata.abort()
        raise
    metadata.commit()
    store.objects.sync([METADATA_NAME])


def is_there(out: SetPath) -> bool:
    """Whether an output's name is taken; behind a URL, by an array. Raises ``OSError``."""
    return exists(out / METADATA_NAME if isinstance(out, RemotePath) else out)


def check_kind(out: SetPath) -> None:
    """Make sure that what an output's name stands for is a file, a zarr array, or not there.

    Raises
    ------
    OutputError
        If it is another folder, or a pipe, socket or device, which no set replaces.
    """
    if isinstance(out, RemotePath):
        check_place(out)
        return
    shown = printable(str(out))
    if os.path.isdir(out):  # noqa: PTH112 (Path's raises where a folder is forbidden)
        if out.suffix != ".zarr" or out.is_symlink():
            raise OutputError(f"the output {shown} is a folder.")
        foreign = next((path for path in out.iterdir() if not _is_of_array(path)), None)
        if foreign is not None:
            raise OutputError(
                f"the output {shown} is a folder that streamcalib did not make: it holds "
                f"{printable(foreign.name)}. Choose another --out."
            )
        return
    if os.path.exists(out) and not os.path.isfile(out):  # noqa: PTH110, PTH113
        raise OutputError(
            f"the output {shown} is a pipe, a socket or a device: choose another --out."
        )


def check_side_files(out: SetPath) -> None:
    """Make sure that what publishing replaces beside ``out`` is streamcalib's own.

    Raises
    ------
    OutputError
        If a file of another origin has the name of a side file, or lies in the staging folder.
    """
    if isinstance(out, RemotePath):
        check_place(out)
    beside = [path for path in side_paths(out) if isinstance(path, Path)]
    foreign = [path for path in beside if path.exists() and not _is_own(path)]
    foreign += foreign_files(out)
    if foreign:
        raise OutputError(
            f"{printable(str(foreign[0]))} is not streamcalib's, and a build of "
            f"{printable(out.name)} would replace it: move it away, or choose another --out."
        )


def _is_of_array(path: Path) -> bool:
    return path.name == METADATA_NAME or SHARD_NAME.fullmatch(path.name) is not None


def _is_own(path: Path) -> bool:
    if not path.is_file():  # opening a pipe would wait
        return False
    try:
        with path.open("rb") as file:
            start = file.read(_PROBED_BYTES)
    except OSError:
        return False
    return start.startswith(b"# Calibration set ") or start.lstrip(b"{ \r\n").startswith(
        (b'"format": "streamcalib-', b'"path": ', b'"file": ')
    )
