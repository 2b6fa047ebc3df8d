"""Archives made for tests."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def make_zip(path: Path, contents: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """Write a zip of these members; names that end in a slash are folders."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def make_tar(path: Path, contents: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    """Write an uncompressed tar of these members; names that end in a slash are folders."""
    with tarfile.open(path, "w", format=form) as archive:
        for name, data in contents.items():
            archive.addfile(*tar_entry(name, data))
    return path


def tar_entry(name: str, data: bytes = b"") -> tuple[tarfile.TarInfo, io.BytesIO]:
    """Return a member for `tarfile.TarFile.addfile`."""
    entry = tarfile.TarInfo(name.rstrip("/"))
    entry.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    entry.size = len(data)
    return entry, io.BytesIO(data)


MAKERS = {"zip": make_zip, "tar": make_tar}


def pack_folder(folder: Path, archive: Path) -> Path:
    """Pack a folder under its own name, in no particular order."""
    files = sorted(folder.rglob("*"), key=lambda path: path.name[::-1])
    top = folder.parent
    contents = {str(p.relative_to(top)): p.read_bytes() for p in files if p.is_file()}
    return MAKERS[archive.suffix[1:]](archive, contents)
