"""Rows in another layout, range or dtype than they were built in: a view of a row source."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from streamcalib.errors import InputError
from streamcalib.pixels.encode import Encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.readers.rowsource import RowSource
    from streamcalib.recipe import DType, Layout, Recipe

Scale = Literal["0-1", "0-255"]
"""A range of values that consumers ask for by name: a channel's byte divided by 255, or itself."""


def viewed(
    source: RowSource,
    *,
    layout: Layout | None = None,
    scale: Scale | None = None,
    dtype: DType | None = None,
) -> RowSource:
    """Return a source's rows in another layout, range or dtype; itself if nothing differs.

    Parameters
    ----------
    source
        The rows.
    layout
        ``NCHW`` or ``NHWC``; the recipe's by default.
    scale
        ``0-1`` or ``0-255``, without mean and std; the recipe's values by default.
    dtype
        The recipe's by default; ``uint8`` where ``scale`` is ``0-255``, and ``float32`` where a
        recipe of ``uint8`` is asked for ``0-1``.

    Raises
    ------
    InputError
        If one of them has no such value, or ``dtype`` cannot hold the values.
    """
    recipe = viewed_recipe(source.recipe, layout=layout, scale=scale, dtype=dtype)
    return source if not recipe.differences(source.recipe) else RowView(source, recipe)


def viewed_recipe(
    recipe: Recipe,
    *,
    layout: Layout | None = None,
    scale: Scale | None = None,
    dtype: DType | None = None,
) -> Recipe:
    """Return the recipe of the same canvases in another layout, range or dtype; see `viewed`."""
    changes: dict[str, Any] = {} if layout is None else {"layout": layout}
    if scale is not None:
        if scale not in ("0-1", "0-255"):
            raise InputError(f"scale must be '0-1' or '0-255', not {scale!r}.")
        changes |= {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
        changes["scale"] = 1.0 if scale == "0-255" else 255.0
        as_bytes = scale == "0-255"
        changes["dtype"] = dtype or ("uint8" if as_bytes else _float_dtype(recipe))
    elif dtype is not None:
        changes["dtype"] = dtype
    return replace(recipe, **changes)


def _float_dtype(recipe: Recipe) -> DType:
    return "float32" if recipe.dtype == "uint8" else recipe.dtype


class RowView:
    """A row source whose rows are another's canvases under another recipe.

    Parameters
    ----------
    source
        Where the rows come from.
    recipe
        The source's recipe but for layout, scale, mean, std and dtype.
    """

    def __init__(self, source: RowSource, recipe: Recipe) -> None:
        self._source = source
        self.recipe = recipe
        only_layout = replace(source.recipe, layout=recipe.layout)
        self._turns = not recipe.differences(only_layout)
        self._encoder = None if self._turns else Encoder(recipe)

    def __reduce__(self) -> tuple[Any, ...]:
        return RowView, (self._source, self.recipe)

    def __len__(self) -> int:
        return len(self._source)

    @property
    def shown(self) -> str:
        """As the source is called."""
        return self._source.shown

    @property
    def input_name(self) -> str:
        """As the source's."""
        return self._source.input_name

    @property
    def model_path(self) -> str | None:
        """As the source's."""
        return self._source.model_path

    @property
    def extra_inputs(self) -> Mapping[str, ExtraInput]:
        """As the source's."""
        return self._source.extra_inputs

    @property
    def observed_range(self) -> tuple[float, float] | None:
        """The source's, if the values are its own."""
        return self._source.observed_range if self._turns else None

    @property
    def is_mapped(self) -> bool:
        """Whether `rows` gives views of a file."""
        return self._turns and self._source.is_mapped

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``: (stop - start, *row shape).

        In another layout alone, a view of the source's with its axes in another order; else fresh
        and C-contiguous. Raises as the source does.
        """
        if self._encoder is None:
            to_last = self.recipe.layout == "NHWC"
            axes = (0, 2, 3, 1) if to_last else (0, 3, 1, 2)
            return self._source.rows(start, stop).transpose(axes)
        canvases = self._source.canvases(start, stop)
        rows = np.empty((len(canvases), *self.recipe.row_shape), self.recipe.dtype)
        self._encoder.encode(np.ascontiguousarray(canvases), rows)
        return rows

    def canvases(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the source's canvases: (stop - start, 3, H, W)."""
        return self._source.canvases(start, stop)
