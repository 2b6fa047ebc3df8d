"""A set's rows in the layout, range and dtype that another tool takes."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from streamcalib.errors import InputError
from streamcalib.pixels.encode import Encoder
from streamcalib.pixels.restore import Restorer
from streamcalib.readers.view import viewed_recipe
from streamcalib.wording import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.calibset import CalibrationSet
    from streamcalib.recipe import DType, Layout, Recipe
    from streamcalib.values import Rows

ValueRange = Literal["recipe", "0-1", "0-255"]
"""What values are: the recipe's, or a canvas's divided by 255, or a canvas's as they are."""

VALUE_RANGES: tuple[ValueRange, ...] = get_args(ValueRange)


def written_recipe(
    recipe: Recipe, value_range: ValueRange, *, layout: Layout, dtype: DType | None
) -> Recipe:
    """Return the recipe of what is written: the same canvases, other values.

    Parameters
    ----------
    recipe
        The set's.
    value_range
        Which values.
    layout
        ``NCHW`` or ``NHWC``.
    dtype
        By default the recipe's, ``uint8`` of ``0-255``, and of ``0-1`` the recipe's or ``float32``.

    Raises
    ------
    InputError
        If the dtype cannot hold the values.
    """
    if dtype == "uint8" and value_range == "0-1":
        raise InputError("--dtype uint8 holds no values from 0 to 1: say --range 0-255.")
    if dtype == "uint8" and value_range == "recipe" and recipe.dtype != "uint8":
        raise InputError("--dtype uint8 holds values from 0 to 255: say --range 0-255, too.")
    scale = None if value_range == "recipe" else value_range
    return viewed_recipe(recipe, layout=layout, scale=scale, dtype=dtype)


class WrittenRows:
    """The first rows of a set under another recipe of the same canvases; see `Rows`.

    Every row is held against its recorded checksum as it is read. Safe to share among threads.

    Parameters
    ----------
    source
        The set.
    recipe
        The set's own, or one that `written_recipe` made of it.
    rows
        How many there are.

    Raises
    ------
    InputError
        If the canvases are needed, and cannot be told from the set's values.
    SetError
        If the manifest's records of rows are damaged.
    """

    is_mapped = False
    is_encoded = True

    def __init__(self, source: CalibrationSet, recipe: Recipe, rows: int) -> None:
        own = source.recipe
        same_values = not replace(own, layout=recipe.layout).differences(recipe)
        is_final = source.manifest.store == "final"
        self._encoder = None if same_values and is_final else Encoder(recipe)
        self._turns = own.layout != recipe.layout
        if self._encoder is not None and is_final and not Restorer(own).is_exact:
            raise InputError(
                f"the canvases of {printable(source.path.name)} cannot be told from its values, "
                "some of which stand for several bytes: build it again with --store uint8."
            )
        self._rows: Rows
        self._rows = source.checked_values() if self._encoder is None else source.checked_canvases()
        self._count = rows
        self.row_shape: tuple[int, ...] = recipe.row_shape
        self.dtype = np.dtype(recipe.dtype)
        self.row_bytes = prod(self.row_shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return self._count

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``: (stop - start, *row shape), C-contiguous.

        They fill the beginning of ``out`` (k, *row shape) if it is given, else a fresh array.

        Raises
        ------
        DamagedError
            If a row is not what its checksum says.
        """
        stop = min(stop, self._count)
        if self._encoder is None and not self._turns:
            return self._rows.read(start, stop, out)
        found = self._rows.read(start, stop)
        rows: NDArray[Any]
        rows = np.empty((len(found), *self.row_shape), self.dtype) if out is None else out
        rows = rows[: len(found)]
        if self._encoder is not None:
            self._encoder.encode(np.ascontiguousarray(found), rows)
        else:
            to_last = self.row_shape[-1] == 3
            np.copyto(rows, found.transpose((0, 2, 3, 1) if to_last else (0, 3, 1, 2)))
        return rows

    def forget(self, start: int, stop: int, since: int = 0) -> None:
        """Let the page cache drop rows that were read; see `RowMapping.drop`."""
        self._rows.forget(start, stop, since)
