"""Classes from YOLO's label files: one ``.txt`` an image, one object a line, its class first."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from streamcalib.choosing.labels.labels import Gathering, Labels
from streamcalib.datafile import read_data
from streamcalib.errors import ListError, MissingExtraError
from streamcalib.images.places import extracted, is_url
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_BYTES = 2**24
_NUMBER = re.compile(r"(\d{1,9})(?:\.0*)?")
_YAML = (".yaml", ".yml")
_IMAGES, _LABELS = "/images/", "/labels/"


def read_yolo(place: str | None, population: Sequence[str]) -> Labels:
    """Return the classes of a population's images by YOLO's label files.

    Of an image in ``.../images/...`` they are sought in ``.../labels/...``, as Ultralytics does,
    else beside it. An image without a file, or with an empty one, shows no class.

    Parameters
    ----------
    place
        A folder in which they are sought instead, or a data set's ``.yaml``, which names the
        classes; without it they are named by their numbers.

    Raises
    ------
    ListError
        If a file is no such label file, or none is found.
    MissingExtraError
        If PyYAML is needed and absent.
    """
    folder, names = place, {}
    if place is not None and place.lower().endswith(_YAML):
        folder, names = None, read_names(place)
    shown = "of YOLO's label files" if folder is None else f"in {printable(folder)}"
    gathered = Gathering(len(population), shown)
    found = False
    for image, entry in enumerate(population):
        classes = _first_there(_sought(extracted(entry), folder))
        if classes is None:
            continue
        found = True
        gathered.know(image)
        for number in classes:
            gathered.add(image, names.get(number, str(number)))
    if not found:
        first = _sought(extracted(population[0]), folder)
        where = f", as {printable(first[0])}" if first else ""
        raise ListError(
            f"no label file is there for any of the {len(population)} images{where}. Say where "
            "they are: --labels yolo:DIR."
        )
    return gathered.labels()


def _sought(path: str, folder: str | None) -> list[str]:
    """Return where an image's label file may be, in the order to try."""
    before, mark, inside = path.rpartition(_IMAGES)
    if folder is None:
        if is_url(path):
            return []
        return [_as_text(f"{before}{_LABELS}{inside}" if mark else path)]
    own = [f"{folder}/{inside}"] if mark else []
    return [_as_text(entry) for entry in (*own, f"{folder}/{path.rpartition('/')[2]}")]


def _as_text(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(".txt"))


def _first_there(files: list[str]) -> set[int] | None:
    for file in files:
        try:
            return _classes(read_data(Path(file), _MOST_BYTES), file)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ListError(
                f"the label file {printable(file)} cannot be read: {error.strerror}."
            ) from error
        except ListError:
            raise
        except ValueError as error:
            raise ListError(f"the label file {printable(file)} cannot be read: {error}.") from error
    return None


def _classes(data: bytes, file: str) -> set[int]:
    found = set()
    for number, line in enumerate(data.decode("ascii", "replace").splitlines(), 1):
        first, *numbers = line.split(maxsplit=5) or ("",)
        if not first:
            continue
        match = _NUMBER.fullmatch(first)
        if match is None or len(numbers) < 4:
            raise ListError(
                f"line {number} of {printable(file)} is not YOLO's: a class number and at least "
                f"four further numbers, not {printable(line[:80])!r}."
            )
        found.add(int(match[1]))
    return found


def read_names(file: str) -> dict[int, str]:
    """Return the names of classes by number, as a YOLO data set's YAML file gives them.

    Raises
    ------
    ListError
        If it is no YAML, or names no classes.
    MissingExtraError
        If PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError(
            "a data set's .yaml is read with PyYAML, which is not installed: "
            'pip install "streamcalib[labels]".'
        ) from error
    shown = printable(file)
    try:
        value: Any = yaml.safe_load(read_data(Path(file), _MOST_BYTES))
    except OSError as error:
        raise ListError(f"{shown} cannot be read: {error.strerror}.") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise ListError(
            f"{shown} is no YAML: {printable(' '.join(str(error).split()))}."
        ) from error
    names = value.get("names") if isinstance(value, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(isinstance(key, int) for key in names):
        raise ListError(f"{shown} has no 'names': a list of classes, or classes by number.")
    return {key: str(name) for key, name in names.items()}
