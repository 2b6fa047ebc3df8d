"""Sets behind URLs: whether one may be written there, and what makes it appear."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamcalib.card import card
from streamcalib.errors import InputError, MissingExtraError, OutputError
from streamcalib.manifest import card_path, manifest_path, rows_path
from streamcalib.remotepath import RemotePath
from streamcalib.stores.remote import RemoteObjects, put
from streamcalib.stores.zarr_layout import METADATA_NAME
from streamcalib.wording import printable
from streamcalib.zarr_attributes import zarr_attributes

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.manifest import Manifest
    from streamcalib.remotepath import SetPath
    from streamcalib.stores.zarr import ZarrStore

SHARD_NAME = re.compile(r"c(\.\d+)+")
"""The names of a zarr array's shards, as streamcalib writes them."""


def check_remote(out: SetPath) -> None:
    """Make sure that an output is one that can be written where it is.

    Raises
    ------
    OutputError
        If it is behind a URL, and no ``.zarr``.
    """
    if isinstance(out, RemotePath) and out.suffix != ".zarr":
        raise OutputError(
            f"the output {printable(str(out))} is behind a URL, where only a .zarr can be written: "
            "choose a name that ends in .zarr, and 'streamcalib finalize' it to a file on disk."
        )


def check_place(out: RemotePath) -> None:
    """Make sure that nothing of another origin is below the URL of an output.

    Raises
    ------
    OutputError
        If something is, or if that cannot be told.
    """
    shown = printable(str(out))
    try:
        keys = RemoteObjects(out.url).keys()
    except MissingExtraError:
        raise
    except (InputError, OSError) as error:
        raise OutputError(f"the output {shown} cannot be looked at: {error}") from error
    foreign = sorted(key for key in keys if key != METADATA_NAME and not SHARD_NAME.fullmatch(key))
    if foreign:
        raise OutputError(
            f"the output {shown} is a place that streamcalib did not make: it holds "
            f"{printable(foreign[0])}. Choose another --out."
        )


def publish_at_url(
    store: ZarrStore, out: RemotePath, manifest: Manifest, rows_file: Path | None
) -> None:
    """Let a set appear whose shards are there: what makes it one is put last.

    Raises ``OSError``.
    """
    if rows_file is not None:
        put(str(rows_path(out)), rows_file.read_bytes())
    put(str(manifest_path(out)), manifest.to_json().encode("utf-8", "surrogateescape"))
    put(str(card_path(out)), card(out, manifest).encode("utf-8", "surrogateescape"))
    put(str(out / METADATA_NAME), store.layout.metadata(zarr_attributes(manifest)))
