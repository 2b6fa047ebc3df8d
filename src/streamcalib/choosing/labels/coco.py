"""Classes from COCO annotations, streamed: those of train2017 are 450 MB of JSON."""

from __future__ import annotations

import io
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamcalib.choosing.labels.json_arrays import entries_of
from streamcalib.choosing.labels.labels import Gathering, Labels
from streamcalib.choosing.labels.positions import Positions
from streamcalib.datafile import open_data
from streamcalib.errors import ListError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGEST_ID = 2**63 - 1


def read_coco(file: str, population: Sequence[str]) -> Labels:
    """Return the classes of a population's images by annotations in COCO's format.

    Images are found by their ``file_name``. The file is read once, entry by entry; of an
    annotation only which image shows which category is kept, 16 bytes.

    Raises
    ------
    ListError
        If it cannot be read, is no such JSON, contradicts itself, or speaks of other images.
    """
    shown = printable(file)
    seen = _Seen(shown, Positions(population, shown))
    try:
        with io.TextIOWrapper(open_data(Path(file)), "utf-8-sig") as text:
            for key, entry in entries_of(text):
                seen.note(key, entry)
    except ListError:
        raise
    except OSError as error:
        raise ListError(f"the labels {shown} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ListError(
            f"{shown} is no JSON as COCO's, or damaged: {printable(str(error))}."
        ) from error
    if not seen.images:
        raise ListError(
            f"the annotations {shown} speak of none of the {len(population)} images, which are "
            f"named like {printable(population[0])}: are they of another split?"
        )
    return _join(seen, len(population), shown)


class _Seen:
    """What was read of the annotations so far; images and categories may come last."""

    def __init__(self, shown: str, positions: Positions) -> None:
        self._shown, self._positions = shown, positions
        self.images: dict[int, int] = {}
        self.categories: dict[int, str] = {}
        self.image_ids, self.category_ids = array("q"), array("q")

    def note(self, key: str, entry: Any) -> None:
        if key == "annotations":
            # The two together, or none.
            image, category = self._number(entry, "image_id"), self._number(entry, "category_id")
            self.image_ids.append(image)
            self.category_ids.append(category)
        elif key == "images":
            position = self._positions.of(self._text(entry, "file_name"))
            if position is not None:
                self.images[self._number(entry, "id")] = position
        elif key == "categories":
            self.categories[self._number(entry, "id")] = self._text(entry, "name")

    def _number(self, entry: Any, key: str) -> int:
        value = entry.get(key) if isinstance(entry, dict) else None
        if not isinstance(value, int) or abs(value) > _LARGEST_ID:
            raise self._wrong(key, "number")
        return value

    def _text(self, entry: Any, key: str) -> str:
        value = entry.get(key) if isinstance(entry, dict) else None
        if not isinstance(value, str):
            raise self._wrong(key, "text")
        return value

    def _wrong(self, key: str, kind: str) -> ListError:
        return ListError(
            f"{self._shown} holds no labels in COCO's format: an entry has no {kind} as its "
            f"{key!r}. They are in instances_train2017.json and its like, not in files of captions."
        )


def _join(seen: _Seen, count: int, shown: str) -> Labels:
    gathered = Gathering(count, shown)
    for image in seen.images.values():
        gathered.know(image)
    for image_id, category_id in zip(seen.image_ids, seen.category_ids, strict=True):
        position = seen.images.get(image_id)
        if position is None:
            continue
        name = seen.categories.get(category_id)
        if name is None:
            raise ListError(
                f"the annotations {shown} use the category {category_id}, which is not among their "
                "categories: the file is damaged."
            )
        gathered.add(position, name)
    return gathered.labels()
