"""Putting a finished set under its final name: side files, flush, then the data by rename."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from streamcalib.card import card
from streamcalib.durable import sync, write_text
from streamcalib.manifest import card_path, manifest_path, side_paths

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.manifest import Manifest


def build_folder(out: Path) -> Path:
    """Return the folder beside ``out`` that holds a build's staging files."""
    return out.with_name(out.name + ".build")


def publish(staged: Path, out: Path, manifest: Manifest, rows_file: Path | None = None) -> None:
    """Publish a finished data file as ``out`` with its manifest and card.

    The data appears last, by rename, so that a set under its final name is always whole; data that
    is replaced goes first, so that it never stands beside a manifest that is not its own.
    ``staged`` and ``rows_file`` must lie on the volume of ``out``. Raises ``OSError``.
    """
    sync(staged)
    out.unlink(missing_ok=True)
    for path in side_paths(out):
        path.unlink(missing_ok=True)
    sync(out.parent)
    if rows_file is not None:
        sync(rows_file)
        rows_file.replace(side_paths(out)[2])
    write_text(manifest_path(out), manifest.to_json())
    write_text(card_path(out), card(out, manifest))
    sync(out.parent)
    staged.replace(out)
    sync(out.parent)


def discard(folder: Path) -> None:
    """Remove a build's staging folder, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
