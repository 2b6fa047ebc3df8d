"""Where the entries of a list are."""

from __future__ import annotations

import os
from pathlib import Path

from streamcalib.errors import ListError
from streamcalib.images.places import (
    Base,
    Place,
    is_absolute,
    is_url,
    joined,
    on_disk,
    without_file_scheme,
)
from streamcalib.wording import printable


def candidates(entry: str, bases: tuple[Base, ...]) -> list[str]:
    """Return where an entry may be, in the order to try; an absolute path or URL is only itself."""
    if is_absolute(entry):
        return [without_file_scheme(entry)]
    return [joined(base, entry) for base in bases]


def resolve(entry: str, bases: tuple[Base, ...]) -> str:
    """Return the first of `candidates` whose file or archive exists, else the first."""
    places = candidates(entry, bases)
    if len(places) == 1:
        return places[0]
    return next((place for place in places if _is_there(place)), places[0])


def _is_there(place: str) -> bool:
    file = on_disk(place)
    return file is None or os.path.lexists(file)


def start_of(file: Path) -> tuple[Base, ...]:
    """Return where entries of the list in ``file`` start from: the current folder, and its own."""
    return tuple(dict.fromkeys((Path.cwd(), file.absolute().parent)))


def root_base(root: str | os.PathLike[str]) -> Base:
    """Return the folder or URL that ``--root`` names; raises `ListError` if it is none."""
    text = without_file_scheme(os.fspath(root))
    if is_url(text):
        return text
    if not Path(text).is_dir():
        raise ListError(f"--root {printable(text)} is not a folder.")
    return Path(text).absolute()


def entry_of(path: str | os.PathLike[str]) -> str:
    """Return an image's path, member or URL as a list writes it."""
    place = Place.of(os.fspath(path))
    if place.is_remote:
        return str(place)
    return str(place._replace(location=Path(place.location).as_posix()))
