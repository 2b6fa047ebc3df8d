"""Sizes of a canvas as users and graphs state them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from streamcalib.errors import RecipeError

if TYPE_CHECKING:
    from streamcalib.graph import ImageInput

Imgsz = int | str | tuple[int, int]
"""A side, ``"HxW"``, or (height, width), in pixels."""

MAX_SIDE = 32768
"""Largest side of a canvas, in pixels."""


def parse_imgsz(imgsz: Imgsz) -> tuple[int, int]:
    """Return (height, width) in pixels from ``640``, ``"640"``, ``"320x640"`` or ``(320, 640)``.

    Raises
    ------
    RecipeError
        If it is none of these or not 1 to 32768.
    """
    size: tuple[int, ...]
    if isinstance(imgsz, str):
        match = re.fullmatch(r"(\d{1,6})(?:[xX,](\d{1,6}))?", imgsz.strip())
        if not match:
            raise RecipeError(f"--imgsz must be a side or HxW in pixels, like 640, not {imgsz!r}.")
        height = int(match[1])
        size = (height, int(match[2] or height))
    else:
        size = tuple(imgsz) if isinstance(imgsz, tuple | list) else (imgsz, imgsz)
    if len(size) != 2 or not all(is_int(side) and 1 <= side <= MAX_SIDE for side in size):
        raise RecipeError(f"--imgsz must be 1 to {MAX_SIDE} pixels a side, not {imgsz!r}.")
    return int(size[0]), int(size[1])


def agreed_size(
    graph: ImageInput, imgsz: Imgsz | None, dtype: str | None = None
) -> tuple[int, int]:
    """Return the (height, width) on which a graph, its metadata and the user agree.

    Raises
    ------
    RecipeError
        If the graph leaves a side open and nobody says it, or ``imgsz`` or ``dtype`` contradicts
        the graph.
    """
    if dtype is not None and dtype != graph.dtype:
        raise RecipeError(
            f"--dtype says {dtype}, but input {graph.name!r} of {graph.shown} takes "
            f"{graph.dtype}: leave --dtype out."
        )
    asked = None if imgsz is None else parse_imgsz(imgsz)
    hint = graph.metadata_imgsz or (None, None)
    height, width = (
        fixed or (asked[axis] if asked else hint[axis])
        for axis, fixed in enumerate((graph.height, graph.width))
    )
    if height is None or width is None:
        raise RecipeError(
            f"input {graph.name!r} of {graph.shown} has dynamic height or width "
            f"({graph.shape_text}): say which size to calibrate with --imgsz, like --imgsz 640."
        )
    if asked is not None and asked != (height, width):
        raise RecipeError(
            f"--imgsz says {asked[0]}x{asked[1]}, but input {graph.name!r} of {graph.shown} takes "
            f"{height}x{width}: leave --imgsz out, or export the model at that size."
        )
    return height, width


def is_int(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number, numpy's included, and no bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
