"""Where COCO's images are in the layouts in which the data set is usually kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from streamcalib.errors import SourceError
from streamcalib.wording import printable

Split = Literal["train2017", "val2017"]

_DOWNLOADS = "http://images.cocodataset.org/zips"
_ANNOTATIONS_DOWNLOAD = "http://images.cocodataset.org/annotations/annotations_trainval2017.zip"
# The root itself, and what the YAML files of Ultralytics and others lay out.
_PARTS = ("", "images", "coco", "coco/images")
_ANNOTATIONS = "annotations/instances_{split}.json"
_LINK = "source-data"


def find_coco(root: str | os.PathLike[str], split: Split = "train2017") -> str:
    """Return the folder or zip of a split of COCO 2017 under ``root``.

    Looked for are ``train2017/`` and ``train2017.zip`` in ``root``, in its ``images``, ``coco`` and
    ``coco/images``, and in the same places of ``root/source-data``, which may be a link. A folder
    that holds anything comes before the zip beside it.

    Raises
    ------
    SourceError
        If neither is there; the message says where they were looked for, and where to get them.
    """
    places = _places(root)
    for place in places:
        folder, archive = place / split, place / f"{split}.zip"
        if folder.is_dir() and next(folder.iterdir(), None) is not None:
            return str(folder)
        if archive.is_file():
            return str(archive)
    looked = "\n".join(f"  {printable(str(place))}" for place in places)
    raise SourceError(
        f"neither {split}/ nor {split}.zip is in\n{looked}\n"
        f"Link or move it there, or get it, as it is or unpacked: {_DOWNLOADS}/train2017.zip (19 "
        f"GB), {_DOWNLOADS}/val2017.zip (0.8 GB)."
    )


def find_annotations(root: str | os.PathLike[str], split: Split = "train2017") -> str:
    """Return the file of a split's object annotations, in ``annotations`` where images may lie.

    Raises
    ------
    SourceError
        If it is not there; the message says where it was looked for, and where to get it.
    """
    name = _ANNOTATIONS.format(split=split)
    places = _places(root)
    for place in places:
        if (place / name).is_file():
            return str(place / name)
    looked = "\n".join(f"  {printable(str(place))}" for place in places)
    raise SourceError(
        f"{name} is not in\n{looked}\n"
        f"Say where it is with --labels coco:FILE, or get it: {_ANNOTATIONS_DOWNLOAD}, unpacked."
    )


def _places(root: str | os.PathLike[str]) -> list[Path]:
    """Return the folders in which COCO's parts may be, in the order to look."""
    top = os.fspath(root)
    # Unlike pathlib's, it takes names that are too long.
    if not os.path.isdir(top):  # noqa: PTH112
        raise SourceError(f"--coco {printable(top)} is not a folder.")
    return [Path(top, link, part) for link in ("", _LINK) for part in _PARTS]
