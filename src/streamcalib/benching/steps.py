"""The steps of a build, each alone: what a worker repeats while it is measured."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np

from streamcalib.building.slab import Slab
from streamcalib.pixels.canvas import CanvasFacts
from streamcalib.pixels.encode import split_planes
from streamcalib.pixels.letterbox import Placement, fit, pad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from streamcalib.benching.held import Held
    from streamcalib.stores.npy import NpyStore

_Item = TypeVar("_Item")
Step = Literal["start", "read", "decode", "letterbox", "encode", "write_uint8", "write_final"]
"""``start`` does nothing: what it takes is the start of the workers."""


class Circumstances(NamedTuple):
    """What a step needs to know.

    Attributes
    ----------
    store
        Where rows are written; None where none are.
    rows
        The rows of the store that are this worker's.
    rows_at_once
        How many rows a build encodes and writes together.
    window_bytes
        What this worker may hold of the store in the page cache.
    turn
        Where to begin among what is held, as a share of it, 0 to 1.
    """

    store: NpyStore | None
    rows: range
    rows_at_once: int
    window_bytes: int
    turn: float


def step(name: Step, held: Held, given: Circumstances) -> AbstractContextManager[Callable[[], int]]:
    """Give a function that does a step for the next image or images and returns how many.

    It returns 0 once there is nothing left to do. The end of a step, such as flushing what was
    written, is done as the context is left.
    """
    return _STEPS[name](held, given)


@contextmanager
def _start(_held: Held, _given: Circumstances) -> Iterator[Callable[[], int]]:
    yield lambda: 1


@contextmanager
def _read(held: Held, given: Circumstances) -> Iterator[Callable[[], int]]:
    numbers = _endless(range(len(held.entries)), given)

    def read() -> int:
        held.read(next(numbers))
        return 1

    yield read


@contextmanager
def _decode(held: Held, given: Circumstances) -> Iterator[Callable[[], int]]:
    files = _endless(held.files, given)

    def decode() -> int:
        held.decode(next(files))
        return 1

    yield decode


@contextmanager
def _letterbox(held: Held, given: Circumstances) -> Iterator[Callable[[], int]]:
    recipe = held.recipe
    canvas = np.empty((recipe.height, recipe.width, 3), np.uint8)
    planes = np.empty((3, recipe.height, recipe.width), np.uint8)
    images = _endless(held.images, given)
    padded_for: Placement | None = None

    def letterbox() -> int:
        nonlocal padded_for
        image, is_straight = next(images)
        spot = held.place(*image.shape[:2])
        # As in a build, padding that is there already stays.
        if spot != padded_for:
            pad(canvas, spot, recipe.pad_value)
            padded_for = spot
        # In a build it stands there since it was decoded.
        if not is_straight:
            fit(image, canvas, spot, recipe.interpolation)
        split_planes(canvas, planes)
        return 1

    yield letterbox


class _Nowhere:
    """Takes rows and writes nothing."""

    def write(self, index: int, rows: NDArray[Any], sums: Sequence[int] | None = None) -> None:
        """Write nothing."""

    def write_part(self, index: int, offset: int, part: NDArray[Any]) -> None:
        """Write nothing."""

    def __enter__(self) -> _Nowhere:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@contextmanager
def _encode(held: Held, given: Circumstances) -> Iterator[Callable[[], int]]:
    """Encode as a build does, with checksums and extremes, in a build's own buffers."""
    size = given.rows_at_once
    slab = Slab(held.recipe, size, encodes=True)
    facts = CanvasFacts(held.recipe.height, held.recipe.width, "turbo")
    nowhere = _Nowhere()

    def encode() -> int:
        # The canvases that were put there first: in a build, too, they were made a moment ago.
        for row in range(size):
            slab.add(row, row, 0, facts)
        slab.flush(nowhere)
        slab.clear()
        return size

    for row, canvas in enumerate(held.canvases[:size]):
        slab.free_canvas[...] = canvas
        # A build soon has seen black and white, and then looks for extremes no more.
        slab.free_canvas[:, 0, 0], slab.free_canvas[:, -1, -1] = 0, 255
        slab.add(row, row, 0, facts)
    slab.clear()
    yield encode


@contextmanager
def _write_uint8(held: Held, given: Circumstances) -> Iterator[Callable[[], int]]:
    with _writing(held.canvases, given) as write:
        yield write


@contextmanager
def _write_final(held: Held, given: Circumstances) -> Iterator[Callable[[], int]]:
    with _writing(held.rows, given) as write:
        yield write


@contextmanager
def _writing(rows: NDArray[Any], given: Circumstances) -> Iterator[Callable[[], int]]:
    """Write each of the worker's rows once, as a build does, and in the end to the disk itself.

    A page that is written a second time costs less than the first: it is there already.
    """
    store, mine = given.store, given.rows
    if store is None:
        raise ValueError("writing needs a store")
    size = min(given.rows_at_once, len(mine))
    parts = _endless(_parts(rows, size), given)
    places = iter(range(mine.start, mine.stop, size))
    with store.writer(given.window_bytes) as writer:

        def write() -> int:
            start = next(places, mine.stop)
            count = min(size, mine.stop - start)
            if count:
                writer.write(start, next(parts)[:count])
            return count

        yield write
    store.sync()


def _parts(rows: NDArray[Any], size: int) -> list[NDArray[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]


def _endless(items: Sequence[_Item], given: Circumstances) -> Iterator[_Item]:
    """Repeat items for ever, beginning where it is this turn's."""
    first = int(given.turn * len(items))
    return cycle([*items[first:], *items[:first]])


_STEPS: dict[Step, Callable[[Held, Circumstances], AbstractContextManager[Callable[[], int]]]] = {
    "start": _start,
    "read": _read,
    "decode": _decode,
    "letterbox": _letterbox,
    "encode": _encode,
    "write_uint8": _write_uint8,
    "write_final": _write_final,
}
