"""The rows of a finished set: mapped from a ``.npy`` or ``.npz``, or in a ``.zarr``'s shards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from streamcalib.datafile import parse_json, read_data
from streamcalib.errors import SetError
from streamcalib.stores.npy_header import map_npy
from streamcalib.stores.npz import map_member
from streamcalib.stores.objects import FolderObjects
from streamcalib.stores.sharded import ShardedRows
from streamcalib.stores.stored import MappedRows, StoredRows
from streamcalib.stores.zarr_layout import METADATA_NAME, ZarrLayout
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path


def open_rows(data: Path, member: str) -> StoredRows:
    """Open the rows of a set's data file or folder; ``member`` names them in an ``.npz``.

    Raises
    ------
    SetError
        If they are not there, or not what streamcalib writes.
    """
    shown = printable(str(data))
    try:
        if data.suffix == ".zarr":
            return _open_shards(data)
        array = map_member(data, member) if data.suffix == ".npz" else map_npy(data)
    except SetError:
        raise
    except (OSError, ValueError, KeyError) as error:
        raise SetError(f"{shown} cannot be mapped: {error}.") from error
    if not (array.flags.c_contiguous and array.dtype.isnative):
        raise SetError(
            f"{shown} holds its rows in another order of axes or bytes than streamcalib "
            "writes: it was replaced."
        )
    return MappedRows(array)


def _open_shards(data: Path) -> ShardedRows:
    try:
        layout = ZarrLayout.from_metadata(parse_json(read_data(data / METADATA_NAME)))
    except (OSError, ValueError) as error:
        raise SetError(
            f"{printable(str(data / METADATA_NAME))} cannot be used: {error}. Copy the set again "
            "from where it is whole, or build it again."
        ) from error
    return ShardedRows(FolderObjects(data), layout)


def data_exists(data: Path) -> bool:
    """Whether there is a file, or for a ``.zarr`` a folder, to be opened."""
    # Path's own raise where a folder is forbidden.
    return os.path.isdir(data) if data.suffix == ".zarr" else os.path.isfile(data)  # noqa: PTH112, PTH113


def data_bytes(data: Path) -> int:
    """Return the size of a set's data on disk; raises ``OSError``."""
    if data.suffix != ".zarr":
        return data.stat().st_size
    return sum(entry.stat().st_size for entry in os.scandir(data))


def made_ns(data: Path) -> int:
    """Return when a set's data was written, in ns since the epoch; raises ``OSError``."""
    return (data / METADATA_NAME if data.suffix == ".zarr" else data).stat().st_mtime_ns
