"""What is asked of an export, whatever the consumer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypedDict, get_args

from streamcalib.errors import InputError
from streamcalib.exporting.values import VALUE_RANGES, ValueRange
from streamcalib.recipe import DType, Layout
from streamcalib.stores.writeback import CACHE_WINDOW_BYTES

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Sequence

    from streamcalib.extra_inputs import ExtraInput

_ALWAYS = frozenset({"rows", "overwrite", "jobs", "cache_window"})
_FLAGS = {"value_range": "--range", "extra_inputs": "--extra-input"}


class ExportKeywords(TypedDict, total=False):
    """The fields of `ExportOptions`, as keyword arguments."""

    layout: Layout | None
    dtype: DType | None
    value_range: ValueRange | None
    shards: int | None
    batch: int | None
    rows: int | None
    input_name: str | None
    extra_inputs: Sequence[ExtraInput]
    official_list: str | os.PathLike[str] | None
    overwrite: bool
    jobs: int | None
    cache_window: int


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a set is written for a consumer; each takes some of these.

    Attributes
    ----------
    layout
        ``NCHW`` or ``NHWC``.
    dtype
        ``float32``, ``float16`` or ``uint8``.
    value_range
        ``recipe``: the values that the model sees; ``0-1``: the canvas divided by 255; ``0-255``:
        the canvas.
    shards
        Rows in one file of a folder; by default one, without a batch axis.
    batch
        Rows in one calibration step, where the graph has a fixed batch size.
    rows
        How many rows, from the first on; by default all.
    input_name
        Name of the graph's input; by default as in the set.
    extra_inputs
        The model's further inputs; by default as in the set.
    official_list
        MLPerf's own list, which the set's images must be in.
    overwrite
        Replace an existing output.
    jobs
        Number of threads; by default all cores that this process may use.
    cache_window
        What may be held of the output in the page cache, in bytes.

    Raises
    ------
    InputError
        If an option is out of range.
    """

    layout: Layout | None = None
    dtype: DType | None = None
    value_range: ValueRange | None = None
    shards: int | None = None
    batch: int | None = None
    rows: int | None = None
    input_name: str | None = None
    extra_inputs: Sequence[ExtraInput] = ()
    official_list: str | os.PathLike[str] | None = None
    overwrite: bool = False
    jobs: int | None = None
    cache_window: int = CACHE_WINDOW_BYTES

    def __post_init__(self) -> None:
        for name in ("shards", "batch", "rows", "jobs", "cache_window"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{flag_of(name)} must be at least 1, not {value}.")
        choices: dict[str, tuple[str, ...]] = {
            "layout": get_args(Layout),
            "dtype": get_args(DType),
            "value_range": VALUE_RANGES,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in (None, *allowed):
                raise InputError(f"{flag_of(name)} must be {' or '.join(allowed)}.")

    def check_taken(self, target: str, taken: Collection[str]) -> None:
        """Make sure that a target takes every option that was given.

        Raises
        ------
        InputError
            If it does not take one.
        """
        for field in fields(self):
            if field.name in _ALWAYS or field.name in taken:
                continue
            if getattr(self, field.name) not in (None, (), []):
                raise InputError(f"{flag_of(field.name)} is not for --for {target}: leave it out.")


def flag_of(name: str) -> str:
    """Return an option as it is written on the command line."""
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")
