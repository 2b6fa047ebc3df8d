"""Classes of the images of a population, kept small: a million images take a few MB."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamcalib.errors import ListError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_CLASSES = 10_000
"""Limit on classes: a column with more different values holds something else."""

_LONGEST_NAME = 1000


@dataclass(frozen=True, eq=False)
class Labels:
    """Which classes each image of a population shows: none, one, or several.

    Attributes
    ----------
    classes
        Names of the classes that some image shows, sorted.
    starts
        Where the classes of each image begin in ``members``, and where the last ones end, (N + 1,).
    members
        Indexes into ``classes``, image after image, ascending within one, none of them twice.
    source
        Where this is written down, for people.
    unknown
        How many images the source says nothing about; they count as showing no class.
    """

    classes: tuple[str, ...]
    starts: NDArray[np.int64]
    members: NDArray[np.int64]
    source: str
    unknown: int = 0

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.starts) - 1

    def of(self, image: int) -> tuple[str, ...]:
        """Return the names of the classes that an image shows."""
        found = self.members[self.starts[image] : self.starts[image + 1]]
        return tuple(self.classes[index] for index in found.tolist())


class Gathering:
    """Collects what a source says, image by image or class by class, in any order.

    Parameters
    ----------
    images
        How many images the population has.
    shown
        The source, for messages and `Labels.source`.
    """

    def __init__(self, images: int, shown: str) -> None:
        self._count, self._shown = images, shown
        self._indexes: dict[str, int] = {}
        self._images, self._classes = array("q"), array("q")
        self._known = np.zeros(images, np.bool_)

    def know(self, image: int) -> None:
        """Note that the source speaks of an image, though it may show no class."""
        self._known[image] = True

    def add(self, image: int, name: str) -> None:
        """Note that an image shows a class.

        Raises
        ------
        ListError
            If there are too many classes, or the name is too long to be one.
        """
        index = self._indexes.get(name)
        if index is None:
            index = self._new(name)
        self._images.append(image)
        self._classes.append(index)
        self._known[image] = True

    def _new(self, name: str) -> int:
        if len(name) > _LONGEST_NAME:
            raise ListError(
                f"the labels {self._shown} hold a class name of {len(name)} characters: "
                "is it the right file and column?"
            )
        if len(self._indexes) == MOST_CLASSES:
            raise ListError(
                f"the labels {self._shown} hold more than {MOST_CLASSES} classes, like "
                f"{printable(name)!r}: is it the right file and column?"
            )
        return self._indexes.setdefault(name, len(self._indexes))

    def labels(self) -> Labels:
        """Return what was collected.

        Raises
        ------
        ListError
            If no image shows any class: then the labels are those of other images.
        """
        if not self._images:
            raise ListError(
                f"the labels {self._shown} name no class for any of the {self._count} images: "
                "do they belong to them?"
            )
        names = sorted(self._indexes)
        place = {name: index for index, name in enumerate(names)}
        order = np.array([place[name] for name in self._indexes], np.int64)
        images = np.frombuffer(self._images, np.int64)
        codes = np.unique(images * len(names) + order[np.frombuffer(self._classes, np.int64)])
        counts = np.bincount(codes // len(names), minlength=self._count)
        return Labels(
            tuple(names),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            codes % len(names),
            self._shown,
            int(self._count - self._known.sum()),
        )


def labelled(names: Sequence[Sequence[str]], source: str = "given") -> Labels:
    """Return the labels of images whose classes are known by name, one sequence an image.

    Raises
    ------
    ListError
        As `Gathering` does.
    """
    gathered = Gathering(len(names), source)
    for image, classes in enumerate(names):
        gathered.know(image)
        for name in classes:
            gathered.add(image, name)
    return gathered.labels()
