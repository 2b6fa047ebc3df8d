"""The rows of a finished set: mapped from a ``.npy`` or ``.npz``, or in a ``.zarr``'s shards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from streamcalib.datafile import parse_json
from streamcalib.errors import SetError, SourceError
from streamcalib.remotepath import RemotePath, exists, read_file, set_path
from streamcalib.stores.npy_header import map_npy
from streamcalib.stores.npz import map_member
from streamcalib.stores.objects import FolderObjects
from streamcalib.stores.remote import RemoteObjects
from streamcalib.stores.sharded import ShardedRows
from streamcalib.stores.stored import MappedRows, StoredRows
from streamcalib.stores.zarr_layout import METADATA_NAME, ZarrLayout
from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.remotepath import SetPath
    from streamcalib.stores.objects import Objects


SUFFIXES = (".npy", ".npz", ".zarr")


def data_path(path: str | os.PathLike[str] | RemotePath) -> SetPath:
    """Return the path or URL of a set's data, which is there.

    Raises
    ------
    SourceError
        If it does not exist.
    SetError
        If it cannot be a calibration set by its name.
    """
    data = set_path(path)
    shown = printable(str(path))
    if isinstance(data, RemotePath) and data.suffix != ".zarr":
        raise SetError(
            f"{shown} cannot be opened by its address: of sets behind URLs only .zarr can. "
            "Copy it here, or finalize it to a .zarr there."
        )
    if data.suffix not in SUFFIXES:
        raise SetError(f"{shown} is no calibration set: its name must end in .npy, .npz or .zarr.")
    if not data_exists(data):
        kind = "folder" if data.suffix == ".zarr" else "regular file"
        there = not isinstance(data, RemotePath) and os.path.exists(data)  # noqa: PTH110
        what = f"is not a {kind}" if there else "does not exist"
        raise SourceError(f"the set {shown} {what}.")
    return data


def open_rows(data: SetPath, member: str) -> StoredRows:
    """Open the rows of a set's data; ``member`` names them in an ``.npz``.

    Raises
    ------
    SetError
        If they are not there, or not what streamcalib writes.
    """
    shown = printable(str(data))
    if isinstance(data, RemotePath) or data.suffix == ".zarr":
        return _open_shards(data)
    try:
        array = map_member(data, member) if data.suffix == ".npz" else map_npy(data)
    except (OSError, ValueError, KeyError) as error:
        raise SetError(f"{shown} cannot be mapped: {error}.") from error
    if not (array.flags.c_contiguous and array.dtype.isnative):
        raise SetError(
            f"{shown} holds its rows in another order of axes or bytes than streamcalib "
            "writes: it was replaced."
        )
    return MappedRows(array)


def _open_shards(data: SetPath) -> ShardedRows:
    metadata = data / METADATA_NAME
    try:
        layout = ZarrLayout.from_metadata(parse_json(read_file(metadata)))
    except (OSError, ValueError) as error:
        raise SetError(
            f"{printable(str(metadata))} cannot be used: {error}. Copy the set again from where it "
            "is whole, or build it again."
        ) from error
    return ShardedRows(objects_of(data), layout)


def objects_of(data: SetPath) -> Objects:
    """Return where the objects of a zarr array are."""
    return RemoteObjects(data.url) if isinstance(data, RemotePath) else FolderObjects(data)


def data_exists(data: SetPath) -> bool:
    """Whether there is a file to be opened, or for a ``.zarr`` a folder, or metadata at a URL.

    Raises ``OSError`` if that cannot be told.
    """
    if isinstance(data, RemotePath):
        return exists(data / METADATA_NAME)
    # Path's own raise where a folder is forbidden.
    return os.path.isdir(data) if data.suffix == ".zarr" else os.path.isfile(data)  # noqa: PTH112, PTH113


def data_bytes(data: SetPath) -> int:
    """Return the size of a set's data where it is stored; raises ``OSError``."""
    if isinstance(data, RemotePath):
        return sum(RemoteObjects(data.url).sizes().values())
    if data.suffix != ".zarr":
        return data.stat().st_size
    return sum(entry.stat().st_size for entry in os.scandir(data))


def made_ns(data: SetPath) -> int:
    """Return when a set's data was written, in ns since the epoch; raises ``OSError``."""
    if isinstance(data, RemotePath):
        return (data / METADATA_NAME).changed_ns()
    return (data / METADATA_NAME if data.suffix == ".zarr" else data).stat().st_mtime_ns
