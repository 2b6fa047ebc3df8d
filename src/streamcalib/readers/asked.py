"""What can be asked of every reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from os import PathLike

    from streamcalib.readers.steps import Remainder
    from streamcalib.readers.view import Scale
    from streamcalib.recipe import DType, Layout


class Asked(TypedDict, total=False):
    """The keywords of `Readers.reader`, which says what they mean."""

    batch_size: int | None
    remainder: Remainder
    layout: Layout | None
    scale: Scale | None
    dtype: DType | None
    model: str | PathLike[str] | Literal[False] | None
    any_range: bool
