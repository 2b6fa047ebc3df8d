"""What a set's making depended on outside the project: versions, links, environment variables."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

_PACKAGES = (
    "numpy",
    "opencv-python-headless",
    "opencv-python",
    "joblib",
    "simplejpeg",
    "PyTurboJPEG",
)
_PERSONAL = frozenset({"HOME", "OLDPWD", "PWD", "TMPDIR"})


def versions(*, with_pillow: bool = False) -> dict[str, str]:
    """Return the versions of streamcalib, Python, the platform, and the packages that make rows.

    Pillow is one of these for some recipes only.
    """
    found = {"streamcalib": __version__, "python": platform.python_version()}
    for package in (*_PACKAGES, *(("pillow",) if with_pillow else ())):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**found, "platform": platform.platform()}


def image_folders(paths: Iterable[str]) -> list[str]:
    """Return the distinct folders of image paths, absolute, sorted."""
    return sorted({os.path.dirname(os.path.abspath(path)) for path in paths})  # noqa: PTH100, PTH120


def links_on_the_way(folders: Iterable[str]) -> dict[str, str]:
    """Return the symbolic links among ``folders`` and their parents, with what they resolve to."""
    places = {place for folder in folders for place in (Path(folder), *Path(folder).parents)}
    return {str(place): os.path.realpath(place) for place in sorted(places) if place.is_symlink()}


def naming_variables(folders: Iterable[str]) -> dict[str, str]:
    """Return the environment variables whose value is one of ``folders`` or a parent of one."""
    places = {place for folder in folders for place in (Path(folder), *Path(folder).parents)}
    places = {place for place in places if place != Path(place.anchor)}
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name not in _PERSONAL and value.startswith(os.sep) and Path(value) in places
    }
