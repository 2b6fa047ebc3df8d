"""Which image of a population a name in somebody's labels means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.errors import ListError
from streamcalib.images.places import extracted
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Positions:
    """Positions in a population, by names as labels write them.

    A name means the image whose path ends in it, folder by folder: ``1.jpg``,
    ``train2017/1.jpg`` and the whole path mean the same image. A member of an archive has the path
    that it would have if it were extracted. A name without an ending, as in Open Images, means the
    file of that name with any ending.
    """

    def __init__(self, population: Sequence[str], shown: str) -> None:
        self._population, self._shown = population, shown
        self._first: dict[str, int] = {}
        self._further: dict[str, list[int]] = {}
        self._stems: dict[str, int | None] | None = None
        for index, entry in enumerate(population):
            name = _last(extracted(entry))
            if self._first.setdefault(name, index) != index:
                self._further.setdefault(name, []).append(index)

    def of(self, name: str) -> int | None:
        """Return the position of the image that is meant, or None if it is none of these.

        Raises
        ------
        ListError
            If it may mean several; the message shows two of them.
        """
        name = name.strip().replace("\\", "/").removeprefix("./")
        last = _last(name)
        first = self._first.get(last)
        if first is None:
            return None if "." in last else self._by_stem(name, last)
        found = [at for at in (first, *self._further.get(last, ())) if self._ends(at, name)]
        if len(found) > 1:
            self._refuse(name, found)
        return found[0] if found else None

    def _ends(self, index: int, name: str) -> bool:
        path = extracted(self._population[index])
        return path == name or path.endswith(f"/{name}")

    def _by_stem(self, name: str, last: str) -> int | None:
        if self._stems is None:
            self._stems = {}
            for ending, index in self._first.items():
                stem = ending.rpartition(".")[0]
                # Of several endings, or in several folders, nobody says which is meant.
                is_single = stem not in self._stems and ending not in self._further
                self._stems[stem] = index if is_single else None
        found = self._stems.get(last)
        if found is None:
            return None
        path = extracted(self._population[found]).rpartition(".")[0]
        return found if path == name or path.endswith(f"/{name}") else None

    def _refuse(self, name: str, found: list[int]) -> None:
        two = " and ".join(printable(self._population[index]) for index in found[:2])
        raise ListError(
            f"the labels {self._shown} speak of {printable(name)}, which may mean {two}: choose "
            "from a source that holds each image once, or write more of the path."
        )


def _last(path: str) -> str:
    return path.rpartition("/")[2]
